// Package spelling finds the name that somebody meant who mistyped it.
package spelling
