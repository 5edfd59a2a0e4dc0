package dataset

import (
	"strings"
	"testing"
)

// A damaged file of a binary set is an error, and not one that is missing or of another kind.
func TestDamagedBinaryFiles(t *testing.T) {
	cifar, stl := "\x03"+strings.Repeat("x", 3072), strings.Repeat("x", 27648)
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"an empty file of CIFAR-10": {map[string]string{"data_batch_1.bin": "", "data_batch_2.bin": cifar}, "data_batch_1.bin: the file is empty: download it again or remove it"},
		"an empty file alone":       {map[string]string{"test_batch.bin": ""}, "test_batch.bin: the file is empty"},
		"of CIFAR-100":              {map[string]string{"train.bin": "", "test.bin": "x" + cifar}, "train.bin: the file is empty"},
		"of STL-10":                 {map[string]string{"train_X.bin": "", "test_X.bin": stl}, "train_X.bin: the file is empty"},
		"of labels":                 {map[string]string{"train_X.bin": stl, "train_y.bin": ""}, "1 image but 0 labels in train_y.bin"},
		"of names":                  {map[string]string{"test_batch.bin": cifar, "batches.meta.txt": ""}, "batches.meta.txt names 0 classes, but there are 10"},
		"a cut train.bin":           {map[string]string{"train.bin": cifar, "test.bin": "x" + cifar}, "train.bin: 3073 bytes are not a whole number of records of 3074 bytes"},
		"beside images":             {map[string]string{"train.bin": cifar, "test.bin": "x" + cifar, "one.png": "x"}, "train.bin: 3073 bytes are not a whole number"},
		"with names of classes":     {map[string]string{"train.bin": cifar, "fine_label_names.txt": "x", "one.png": "x"}, "train.bin: 3073 bytes are not a whole number"},
		"both cut":                  {map[string]string{"train.bin": cifar, "test.bin": cifar}, "test.bin: 3073 bytes are not a whole number"},
		"labels from 0":             {map[string]string{"test_X.bin": stl + stl, "test_y.bin": "\x01\x00"}, "record 1 has label 0 in test_y.bin, but labels count from 1 to 10: test_y.bin has another format"},
		"labels too large":          {map[string]string{"test_X.bin": stl, "test_y.bin": "\x0b"}, "record 0 has label 11 in test_y.bin"},
	} {
		if _, err := Open(t.Context(), tree(t, c.files), Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
