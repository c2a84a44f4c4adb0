//! Looking at place after place for a library that can be opened, and keeping account of why others cannot.

use super::candidate::{Candidate, Found, FoundBy};
use super::error::{LibraryError, RuntimeError};
use super::install::Installer;
use super::installed::{self, State};
use super::load::Runtime;
use super::open::{self, Failure};
use super::places;
pub(super) use super::places::Surroundings;
use super::platform::{self, LIBRARY_NAMES};
use super::report::{Attempt, Report};
use super::{Gpu, Options, environment};
use crate::fetch::Progress;
use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

/// A search under way, with what it has seen so far.
pub(super) struct Search<'a> {
    gpu: Gpu,
    surroundings: Surroundings,
    progress: &'a dyn Progress,
    report: Report,
}

type Outcome = Result<Option<Runtime>, RuntimeError>;

impl<'a> Search<'a> {
    pub fn new(options: &Options, surroundings: Surroundings, progress: &'a dyn Progress) -> Self {
        Self {
            gpu: options.gpu,
            surroundings,
            progress,
            report: Report {
                gpu: options.gpu == Gpu::Required,
                ..Report::default()
            },
        }
    }

    /// Looks at each place in turn and opens the first library that can be used.
    pub fn run(mut self) -> Result<Runtime, RuntimeError> {
        match self.surroundings.named_library() {
            Some(Ok(candidate)) => return self.open_named(&candidate),
            Some(Err(folder)) => {
                return Err(RuntimeError::EmptyFolder {
                    folder: folder.to_string_lossy().into_owned(),
                });
            }
            None => self.looked("TENSORFLOW_DIR", "not set"),
        }
        // What is cached has no GPU support, so where a GPU may be used it comes late, and is not installed for it.
        let has_driver = self.gpu == Gpu::Auto && places::has_nvidia_driver();
        let mut places: Vec<fn(&mut Self) -> Outcome> = Vec::new();
        if has_driver || self.gpu == Gpu::Required {
            places.push(Self::try_gpu_packages);
        }
        places.extend(match self.gpu {
            Gpu::Required => [
                Self::try_conda,
                Self::try_system,
                Self::try_cache,
                Self::try_packages,
            ]
            .to_vec(),
            _ => [
                Self::try_cache,
                Self::try_packages,
                Self::try_conda,
                Self::try_system,
                Self::try_install,
            ]
            .to_vec(),
        });
        for place in places {
            if let Some(runtime) = place(&mut self)? {
                // Others do not say what they are.
                let says =
                    [FoundBy::Cache, FoundBy::Installed, FoundBy::PythonPackage].contains(&runtime.found_by);
                if has_driver && says && !runtime.is_gpu_build {
                    self.progress.note(
                        "there is an NVIDIA driver, but no TensorFlow with GPU support: running on the CPU \
                         (python3 -m pip install 'tensorflow[and-cuda]' brings one, which is found by itself then)",
                    );
                }
                return Ok(runtime);
            }
        }
        Err(RuntimeError::NotFound(Box::new(self.report)))
    }

    fn looked(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.report.looked.push(Attempt::new(what, why));
    }

    /// The user's own choice: it works or is an error, and nothing else is taken in its stead.
    fn open_named(&self, candidate: &Candidate) -> Result<Runtime, RuntimeError> {
        self.open(candidate)
            .map_err(|failure| RuntimeError::UnusableFolder {
                path: candidate.library.clone(),
                cause: match failure {
                    Failure::NotOpened(cause) | Failure::Wrong(_, cause) => cause,
                    Failure::Absent => LibraryError::CannotOpen("it is gone".to_owned()),
                },
            })
    }

    fn open(&self, candidate: &Candidate) -> Result<Runtime, Failure> {
        let (library, version) = open::open(candidate, self.progress)?;
        Ok(Runtime {
            library,
            found_by: candidate.found_by,
            version,
            is_gpu_build: candidate.is_gpu_build,
            onednn: environment::onednn(),
        })
    }

    fn try_gpu_packages(&mut self) -> Outcome {
        let found = self.surroundings.python(true);
        self.try_all("Python packages with GPU support", found)
    }

    fn try_packages(&mut self) -> Outcome {
        let found = self.surroundings.python(false);
        self.try_all("Python packages", found)
    }

    fn try_conda(&mut self) -> Outcome {
        let found = self.surroundings.conda();
        self.try_all("the conda environment", found)
    }

    fn try_system(&mut self) -> Outcome {
        let found = self.surroundings.system();
        let opened = self.try_all("the system's loader", found)?;
        if opened.is_none() {
            self.looked(
                "the system's loader",
                format!("knows none of {}", LIBRARY_NAMES.join(", ")),
            );
        }
        Ok(opened)
    }

    /// Opens the first candidate that can be used; the others are noted.
    fn try_all(&mut self, what: &str, found: Found) -> Outcome {
        if found.candidates.is_empty() {
            self.looked(what, found.why_none);
        }
        for candidate in found.candidates {
            let name = candidate.library.display().to_string();
            match self.open(&candidate) {
                Ok(runtime) => return Ok(Some(runtime)),
                Err(Failure::Absent) => {}
                Err(Failure::NotOpened(cause)) => {
                    self.progress.note(&format!("{name} {cause}; looking further"));
                    self.looked(name, cause.to_string());
                }
                Err(Failure::Wrong(path, cause)) => return Err(unusable(path, candidate.found_by, cause)),
            }
        }
        Ok(None)
    }

    fn cache(&mut self) -> Option<PathBuf> {
        match &self.surroundings.cache {
            Ok(cache) => Some(cache.clone()),
            Err(error) => {
                let why = error.to_string();
                self.looked("the cache", why);
                None
            }
        }
    }

    /// Opens what the cache holds. What is damaged is installed anew at once, before lesser places are looked at.
    fn try_cache(&mut self) -> Outcome {
        let (Some(cache), Some(wheel)) = (self.cache(), platform::wheel()) else {
            return Ok(None);
        };
        let folder = installed::folder(&cache, wheel.version);
        let damage = match installed::check(&folder) {
            State::Absent => {
                self.looked(cache.display().to_string(), "no TensorFlow installed there");
                return Ok(None);
            }
            State::Damaged(why) => why,
            State::Sound(library) => match self.open_cached(library, &folder, FoundBy::Cache)? {
                Ok(runtime) => return Ok(Some(runtime)),
                Err(None) => return Ok(None),
                Err(Some(why)) => why,
            },
        };
        self.progress.note(&format!(
            "{} is damaged ({damage}); installing it anew",
            folder.display()
        ));
        self.looked(folder.display().to_string(), format!("damaged: {damage}"));
        self.try_install()
    }

    /// Opens a library of the cache. If it cannot be opened: why it is damaged, or nothing if its files are as they
    /// were installed, so that installing them again would not help.
    fn open_cached(
        &mut self,
        library: PathBuf,
        folder: &Path,
        found_by: FoundBy,
    ) -> Result<Result<Runtime, Option<String>>, RuntimeError> {
        let candidate = Candidate::new(library, found_by);
        match self.open(&candidate) {
            Ok(runtime) => Ok(Ok(runtime)),
            Err(Failure::Wrong(path, cause)) => Err(unusable(path, found_by, cause)),
            Err(Failure::Absent) => Ok(Err(None)),
            Err(Failure::NotOpened(cause)) => {
                let mut why = cause.to_string();
                let is_elsewhere = matches!(cause, LibraryError::NoExec);
                if is_elsewhere {
                    why += "; TF_MNIST_CACHE names another folder";
                }
                self.progress
                    .note(&format!("{} {why}; looking further", candidate.library.display()));
                self.looked(candidate.library.display().to_string(), why);
                Ok(Err(match is_elsewhere {
                    true => None,
                    false => installed::damage(folder),
                }))
            }
        }
    }

    fn try_install(&mut self) -> Outcome {
        // It may have failed a moment ago, for a damaged cache.
        let Some(cache) = self
            .surroundings
            .cache
            .as_ref()
            .ok()
            .filter(|_| self.report.tried.is_empty())
            .cloned()
        else {
            return Ok(None);
        };
        let Some(wheel) = platform::wheel() else {
            let why = format!(
                "there is none for {OS} on {ARCH}; there is for Linux (x86_64, aarch64) and macOS (aarch64)"
            );
            self.report
                .tried
                .push(Attempt::new("a release of TensorFlow", why));
            return Ok(None);
        };
        let source = format!("pip download {}", wheel.requirement);
        match Installer::new(&cache, wheel, self.progress).install() {
            Ok((library, found_by)) => {
                let folder = library.parent().unwrap_or(&cache).to_path_buf();
                Ok(self.open_cached(library, &folder, found_by)?.ok())
            }
            Err(why) => {
                self.report.tried.push(Attempt::new(source, why));
                Ok(None)
            }
        }
    }
}

fn unusable(path: PathBuf, found_by: FoundBy, cause: LibraryError) -> RuntimeError {
    RuntimeError::Unusable {
        path,
        found_by,
        cause,
    }
}
