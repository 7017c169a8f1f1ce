"""What a page says of the act that led to it: the address names it by a code, so that no text comes from a link."""

NOTICES = {
    "created": "The customer has been created.",
    "saved": "Your changes have been saved.",
    "same": "Nothing was different, so nothing has been changed.",
    "enabled": "The account has been enabled.",
    "disabled": "The account has been disabled, and its sessions have ended.",
    "deleted": "The customer has been deleted.",
    "mailed": "A link for a new password is on its way, unless one was sent within the last minute.",
    "address-added": "The address has been added.",
    "address-saved": "The address has been saved.",
    "address-deleted": "The address has been deleted.",
    "session-ended": "The session has ended.",
    "sessions-ended": "All sessions have ended.",
    "group-created": "The group has been created.",
    "group-renamed": "The group has been renamed.",
    "group-deleted": "The group has been deleted.",
    "signed-out": "You have signed out.",
    "unsaved": "Your session had ended, so the last change has not been made. Sign in to go on.",
}
