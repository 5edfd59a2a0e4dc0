// Package owned knows which files belong to a run, a feature store or a sweep, so that no result replaces one of them.
package owned
