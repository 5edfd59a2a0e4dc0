// Package cachetest keeps tests away from the cache of whoever runs them.
package cachetest
