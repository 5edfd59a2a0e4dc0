// Package methods lists the methods that can be selected by name. To add one, write a package for it and add a line here.
package methods
