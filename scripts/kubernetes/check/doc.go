// Command check holds Kubernetes manifests against the types of the API: a field that is misspelt, misplaced or of a
// wrong type is an error, and so is a Job without what the API server asks of it. It is a module of its own, so that
// the project does not depend on Kubernetes.
package main
