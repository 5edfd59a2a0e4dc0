// Package cachetest keeps tests away from the cache of the user who runs them.
package cachetest
