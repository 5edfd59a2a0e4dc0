// Command check parses Dockerfiles with BuildKit's own parser and runs BuildKit's linter over them, so that
// misspelt instructions, unknown stages and the warnings of `docker build --check` are found even without a container
// engine. It also checks what this project's image promises: a final stage that runs as a numbered user other
// than root, and an entry point in exec form. It is a separate module, so that the project does not depend on BuildKit.
package main
