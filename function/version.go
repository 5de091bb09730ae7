package function

// Version is iapguard's own. It is part of the user agent, of every report,
// and so of what tells our writes from others'.
const Version = "0.1.0"

// Product is the user agent's product token, without a version: a newer
// revision of the function recognises the writes of an older one.
const Product = "iapguard"

// UserAgent is what every API call of ours carries.
const UserAgent = Product + "/" + Version
