// Command check parses Dockerfiles with BuildKit's own parser and runs BuildKit's own linter over them, so that a
// misspelt instruction, an unknown stage or a warning that `docker build --check` would give is found where no container
// engine runs. It also asks for what this project's image promises: a final stage that runs as a numbered user other
// than root, and an entry point in exec form. It is a module of its own, so that the project does not depend on BuildKit.
package main
