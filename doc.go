// Package iconic sorts images into clusters without labels.
//
// Cluster does the whole job: it takes a folder of images, the name of an encoder and a number of clusters, and makes a run folder with
// assignments, scores and a page. Extract and Train are its two halves. OpenModel opens a finished run to classify new images.
//
// Each of the packages around it does one part of the work. None of them prints, keeps global state or ends the program:
//
//   - iconic/features opens what heads are trained on: stores, matrices, or numbers of your own (features.New);
//   - iconic/run owns run folders, iconic/sweep trains over many settings, and iconic/comparison compares runs;
//   - iconic/classify classifies images in memory with a run and exports it as one ONNX file; iconic/prediction classifies folders, archives,
//     stores and watched folders, and iconic/endpoint serves predictions over HTTP;
//   - iconic/sorting puts images into one folder per cluster, iconic/duplicates finds copies and outliers, and iconic/curator serves the page on
//     which a person changes clusters (iconic/curation);
//   - iconic/extract turns images into features, iconic/head trains heads (head/icon is the engine for methods of your own), iconic/report
//     computes scores and writes pages, and iconic/models lists and fetches encoders;
//   - iconic/doctor examines the machine, and iconic/cache lists and prunes what is kept for a user.
//
// Four iterators: dataset.Set.All over images, features.Rows over rows of features, report.Assignments.All over the clusters of a run's
// images, and prediction.Images over those of new images.
//
// Every long call takes a context. When the context ends, the call returns its error and keeps what is finished; the same call then
// continues from there (a training needs Resume). progress.Hooks receive notes, warnings and progress.
//
// Errors that a caller can handle:
//
//   - *run.SettingsError: a value is out of range, the method does not read a setting, or an input is missing; found before the work begins;
//   - *option.Error: an option is missing or unsuitable; Option names it;
//   - *PreprocessingError: an ONNX file does not record how to prepare images for it;
//   - *store.DamagedError: a feature store was changed or damaged after it was written; Extract encodes only the damaged part again;
//   - extract.ErrOtherEncoder, *classify.EncoderError: the encoder is not the run's, or cannot be found;
//   - *prediction.OptionsError, *duplicates.OptionsError: the options do not suit the data;
//   - run.ErrExists (*run.ExistsError), run.ErrBusy, *run.OtherError: the run folder exists already, is in use, or holds a different run;
//   - context.Canceled and context.DeadlineExceeded: the work was interrupted.
package iconic
