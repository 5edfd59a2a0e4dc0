// Command module renames the module in the import declarations of Go files, and changes nothing else in them:
//
//	module OLD NEW FILE...
//
// `make module` calls it to publish the project under another path. Files are rewritten in place and keep their
// formatting; strings and comments are unchanged.
package main
