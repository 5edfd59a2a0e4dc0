// Package iconic sorts images into clusters without labels.
//
// Cluster goes all the way: a folder of images, an encoder's name and a number of clusters in; a run folder with assignments, scores and a
// page out. Extract and Train are its two halves. OpenModel puts a finished run to use on new images.
//
// Around it, each with a part of the work and none printing, keeping state of its own or ending the program:
//
//   - iconic/features opens what heads are trained on: stores, matrices, or a program's own numbers (features.New);
//   - iconic/run owns run folders, iconic/sweep trains over many settings, iconic/comparison sets runs side by side;
//   - iconic/sorting puts its images into a folder per cluster;
//   - iconic/classify puts a run to use on new images and exports it as one ONNX file; iconic/endpoint answers over HTTP;
//   - iconic/extract turns images into features, iconic/head trains heads (head/icon is the engine for methods of one's own), iconic/report
//     scores and makes pages, iconic/models knows the encoders.
//
// Three iterators go over what there is: dataset.Set.All over images, features.Rows over rows of features, report.Assignments.All over who is
// in which cluster.
//
// What takes long takes a context and ends with its error, keeping what is finished: the same call goes on from there (a training, with
// Resume). progress.Hooks are told how far the work is.
//
// Errors to act on can be told apart:
//
//   - *run.SettingsError: a value out of range, a setting that the method does not read, a missing input; found before the work begins;
//   - *option.Error: an option is missing or does not fit, and the error names it;
//   - *PreprocessingError: an ONNX file does not say how images are prepared for it;
//   - *store.DamagedError: a feature store is not what was written; Extract encodes just that anew;
//   - extract.ErrOtherEncoder, *classify.EncoderError: the encoder is not the run's, or is nowhere to be found;
//   - run.ErrExists, run.ErrBusy, *run.OtherError: the run folder is another's;
//   - context.Canceled and context.DeadlineExceeded: the work was interrupted.
package iconic
