// Command check validates Kubernetes manifests against the types of the API: misspelt, misplaced and wrongly typed fields
// are errors, and so is a Job that lacks what the API server requires. It is a separate module, so that
// the project does not depend on Kubernetes.
package main
