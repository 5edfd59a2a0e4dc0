// Package iconic sorts images into clusters without labels.
//
// Cluster does the whole job: a folder of images, the name of an encoder and a number of clusters go in, and a run folder with assignments,
// scores and a page comes out. Extract and Train are its two halves. OpenModel opens a finished run for new images.
//
// The packages around it each do one part of the work. None of them prints, keeps global state or ends the program:
//
//   - iconic/features opens what heads are trained on: stores, matrices, or a program's own numbers (features.New);
//   - iconic/run owns run folders, iconic/sweep trains over many settings, and iconic/comparison sets runs side by side;
//   - iconic/classify puts a run to use on images in memory and exports it as one ONNX file; iconic/prediction does so for folders, archives,
//     stores and watched folders, and iconic/endpoint over HTTP;
//   - iconic/sorting puts images into one folder per cluster, iconic/duplicates finds copies and outliers, and iconic/curator serves the page on
//     which a person changes clusters (iconic/curation);
//   - iconic/extract turns images into features, iconic/head trains heads (head/icon is the engine for methods of one's own), iconic/report
//     scores and makes pages, and iconic/models knows the encoders;
//   - iconic/doctor examines the machine, and iconic/cache lists and prunes what is kept for a user.
//
// Four iterators go over what there is: dataset.Set.All over images, features.Rows over rows of features, report.Assignments.All over the
// clusters of a run's images, and prediction.Images over those of new images.
//
// Long work takes a context. It ends with the context's error and keeps what is finished: the same call goes on from there (a training does
// with Resume). progress.Hooks hear how far the work is.
//
// Errors that a caller may act on can be told apart:
//
//   - *run.SettingsError: a value is out of range, the method does not read a setting, or an input is missing; found before the work begins;
//   - *option.Error: an option is missing or does not fit, and the error names it;
//   - *PreprocessingError: an ONNX file does not say how images are prepared for it;
//   - *store.DamagedError: a feature store is not what was written; Extract encodes the damaged part again;
//   - extract.ErrOtherEncoder, *classify.EncoderError: the encoder is not the run's, or cannot be found;
//   - *prediction.OptionsError, *duplicates.OptionsError: the options do not go with the data;
//   - run.ErrExists, run.ErrBusy, *run.OtherError: the run folder belongs to another run;
//   - context.Canceled and context.DeadlineExceeded: the work was interrupted.
package iconic
