// What a page of another origin tries with a form.
([url, path]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action: url + path });
  form.enctype = "text/plain";
  form.append(Object.assign(document.createElement("input"), { name: "{}", value: "x" }));
  document.body.append(form);
  form.submit();
}
