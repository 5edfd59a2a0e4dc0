// Package methods is the list of the methods that can be called by name. A new one is a package of its own and a line here.
package methods
