// Package regular opens files named by a user. A name may belong to a pipe, a socket or a device, and opening one of those may block for
// ever; this package refuses them instead. It also makes folders, and says so if a name is that of a link to nothing.
package regular
