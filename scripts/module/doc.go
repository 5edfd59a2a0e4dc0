// Command module renames the module in the import declarations of Go files, and nothing else in them:
//
//	module OLD NEW FILE...
//
// `make module` calls it for whoever publishes the project under a path of their own. Files are rewritten in place and keep their
// formatting; text in strings and comments stays.
package main
