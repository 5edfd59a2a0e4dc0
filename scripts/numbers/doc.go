// Numbers trains every method for a few epochs and prints its results: loss, accuracy, and a hash of the head's bits. Two
// builds of the command with the same table learn the same.
//
//	go build -o old ./pipeline                    # before a change
//	go build -o new ./pipeline                    # after it
//	numbers="go run ./scripts/numbers --features cifar100-test.features.npy --labels cifar100-test.labels.npy --rows 10000"
//	$numbers --pipeline ./old > old.txt
//	$numbers --pipeline ./new --hold debias-sample=0,least-gain=0 > new.txt
//	go run ./scripts/numbers compare old.txt new.txt
//
// It runs the command rather than its packages, so that it still works when they change. Sets: rows of the given features, evenly spaced,
// and the demo's images in two views. --hold passes settings to the methods that use them, so that an intended change of a default
// does not affect the comparison. compare joins two tables into one in Markdown, with the difference in accuracy.
package main
