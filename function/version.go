package function

// Version is the version of iapguard. It is part of every report and of the user agent,
// by which our own writes are recognised.
const Version = "0.1.0"

// Product is the user agent's product token, without a version: a newer
// revision of the function recognises the writes of an older one.
const Product = "iapguard"

// UserAgent is the user agent of every API call of ours.
const UserAgent = Product + "/" + Version
