package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	failed := false
	for _, name := range os.Args[1:] {
		n, err := checkFile(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			failed = true
			continue
		}
		fmt.Printf("%s: %d objects, all valid\n", name, n)
	}
	if failed || len(os.Args) < 2 {
		os.Exit(1)
	}
}

func checkFile(name string) (objects int, err error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return objects, err
		}
		objects++
		if err := check(document); err != nil {
			return objects, fmt.Errorf("object %d: %w", objects, err)
		}
	}
}

// check decodes one object strictly, and checks rules that decoding cannot.
func check(document []byte) error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return err
	}
	switch kind.APIVersion + " " + kind.Kind {
	case "v1 PersistentVolumeClaim":
		var claim corev1.PersistentVolumeClaim
		if err := yaml.UnmarshalStrict(document, &claim); err != nil {
			return err
		}
		if len(claim.Spec.AccessModes) == 0 || claim.Spec.Resources.Requests.Storage().IsZero() {
			return errors.New("a claim needs access modes and a size")
		}
		return checkName(claim.ObjectMeta)
	case "batch/v1 Job":
		var job batchv1.Job
		if err := yaml.UnmarshalStrict(document, &job); err != nil {
			return err
		}
		return checkJob(&job)
	}
	return fmt.Errorf("kind %q of %q is not expected here", kind.Kind, kind.APIVersion)
}

func checkName(meta metav1.ObjectMeta) error {
	if wrong := validation.IsDNS1123Subdomain(meta.Name); len(wrong) > 0 {
		return fmt.Errorf("name %q: %s", meta.Name, strings.Join(wrong, ", "))
	}
	return nil
}

func checkJob(job *batchv1.Job) error {
	spec := &job.Spec
	pod := &spec.Template.Spec
	if pod.RestartPolicy != corev1.RestartPolicyNever && pod.RestartPolicy != corev1.RestartPolicyOnFailure {
		return fmt.Errorf("a Job's restart policy is Never or OnFailure, not %q", pod.RestartPolicy)
	}
	indexed := spec.CompletionMode != nil && *spec.CompletionMode == batchv1.IndexedCompletion
	if indexed && (spec.Completions == nil || *spec.Completions < 1) {
		return errors.New("an Indexed Job needs completions")
	}
	if spec.BackoffLimitPerIndex != nil && (!indexed || pod.RestartPolicy != corev1.RestartPolicyNever) {
		return errors.New("backoffLimitPerIndex needs an Indexed Job with restart policy Never")
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	if len(pod.Containers) == 0 {
		return errors.New("no containers")
	}
	for _, c := range pod.Containers {
		if c.Name == "" || c.Image == "" {
			return errors.New("a container needs a name and an image")
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] || m.MountPath == "" {
				return fmt.Errorf("container %s mounts %q, which is not a volume of the pod", c.Name, m.Name)
			}
		}
		for _, e := range c.Env {
			if e.Name == "PARTS" && indexed && e.Value != fmt.Sprint(*spec.Completions) {
				return fmt.Errorf("PARTS is %s and completions %d", e.Value, *spec.Completions)
			}
		}
	}
	return checkName(job.ObjectMeta)
}
