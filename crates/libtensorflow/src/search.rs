//! Looking at place after place for a library that can be opened, and keeping account of why others cannot.

mod places;
mod python;

use crate::candidate::{Candidate, Found, FoundBy};
use crate::error::{Report, RuntimeError};
use crate::install::Installer;
use crate::open::{self, Failure};
use crate::platform::{self, LIBRARY_NAMES, TENSORFLOW_DIR};
use crate::{Gpu, Options, environment};
use serde::Serialize;
use std::env::consts::{ARCH, OS};
use std::fmt::Display;
use std::path::PathBuf;
use verified_fetch::Progress;

/// The TensorFlow of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Runtime {
    /// The library, by the path that it was opened by.
    pub library: PathBuf,
    /// How it was found.
    pub found_by: FoundBy,
    /// Its version, such as `2.21.0`.
    pub version: String,
    /// Whether it is a build that says it has GPU support; `false` also where a build does not say.
    pub is_gpu_build: bool,
    /// Whether oneDNN's kernels are on.
    pub onednn: bool,
}

impl Runtime {
    /// Whether the library has this function, such as `TF_NewServer`, which not every build has.
    pub fn has_function(&self, name: &str) -> bool {
        open::has_function(&self.library, name)
    }
}

/// A search under way, with what it has seen so far.
pub(crate) struct Search<'a> {
    options: Options,
    sets_environment: bool,
    /// What looks after the cache, or why there is no cache, or nothing to install.
    installer: Result<Installer<'a>, String>,
    progress: &'a dyn Progress,
    report: Report,
}

type Outcome = Result<Option<Runtime>, RuntimeError>;
type Place<'a> = fn(&mut Search<'a>) -> Outcome;

impl<'a> Search<'a> {
    /// One that sets the environment if it may, as [`open::open`].
    pub fn new(options: &Options, progress: &'a dyn Progress, sets_environment: bool) -> Self {
        let cache = options.cache.directory().map_err(|error| error.to_string());
        let no_release = || {
            format!(
                "a release of TensorFlow: there is none for {OS} on {ARCH}; there is for Linux (x86_64, aarch64) and \
                 macOS (aarch64)"
            )
        };
        let installer = cache.and_then(|cache| {
            let wheel = platform::wheel().ok_or_else(no_release)?;
            Ok(Installer { cache, variable: options.cache.variable, wheel, progress, path: None })
        });
        let report = Report { gpu: options.gpu == Gpu::Required, ..Report::default() };
        Self { options: *options, sets_environment, installer, progress, report }
    }

    /// Looks at each place in turn and opens the first library that can be used.
    pub fn run(mut self) -> Result<Runtime, RuntimeError> {
        if let Some(named) = places::named_library() {
            return self.open_named(&named.map_err(RuntimeError::Unusable)?);
        }
        self.looked(TENSORFLOW_DIR, "not set");
        // What is cached has no GPU support, so where a GPU may be used it comes late, and is not installed for it.
        let has_driver = self.options.gpu == Gpu::Auto && places::has_nvidia_driver();
        let gpu_packages: Place<'a> =
            |search| search.try_all("Python packages with GPU support", places::packages(true));
        let packages: Place<'a> = |search| search.try_all("Python packages", places::packages(false));
        let conda: Place<'a> = |search| search.try_all("the conda environment", places::conda());
        let mut places: Vec<Place<'a>> = match self.options.gpu {
            Gpu::Required => vec![gpu_packages, conda, Self::try_system, Self::try_cache, packages],
            Gpu::Auto | Gpu::Unwanted => {
                vec![Self::try_cache, packages, conda, Self::try_system, Self::try_install]
            }
        };
        if has_driver {
            places.insert(0, gpu_packages);
        }
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

    /// Whether that is new: what is in the cache may be tried twice.
    fn looked(&mut self, what: impl Display, why: impl Display) -> bool {
        let seen = format!("{what}: {why}");
        let is_new = !self.report.looked.contains(&seen);
        self.report.looked.extend(is_new.then_some(seen));
        is_new
    }

    /// The user's own choice: it works or is an error, and nothing else is taken in its stead.
    fn open_named(&self, candidate: &Candidate) -> Result<Runtime, RuntimeError> {
        self.open(candidate).map_err(|failure| {
            let why = match failure {
                Failure::NotOpened(why) | Failure::Wrong(_, why) => why,
                Failure::Absent => "is gone".to_owned(),
            };
            let path = candidate.library.display();
            RuntimeError::Unusable(format!(
                "{TENSORFLOW_DIR}: {path} {why}; unset {TENSORFLOW_DIR} to have a library found or installed"
            ))
        })
    }

    fn open(&self, candidate: &Candidate) -> Result<Runtime, Failure> {
        let (library, version) = open::open(candidate, &self.options, self.sets_environment)?;
        Ok(Runtime {
            library,
            found_by: candidate.found_by,
            version,
            is_gpu_build: candidate.is_gpu_build,
            onednn: environment::onednn(),
        })
    }

    fn try_system(&mut self) -> Outcome {
        let opened = self.try_all("the system's loader", places::system())?;
        if opened.is_none() {
            self.looked("the system's loader", format!("knows none of {}", LIBRARY_NAMES.join(", ")));
        }
        Ok(opened)
    }

    /// Opens the first candidate that can be used; the others are noted.
    fn try_all(&mut self, what: &str, found: Found) -> Outcome {
        let candidates = found.unwrap_or_else(|why_none| {
            self.looked(what, why_none);
            Vec::new()
        });
        for candidate in candidates {
            let name = candidate.library.display().to_string();
            match self.open(&candidate) {
                Ok(runtime) => return Ok(Some(runtime)),
                Err(Failure::Absent) => {}
                Err(Failure::NotOpened(why)) => {
                    if self.looked(&name, &why) {
                        self.progress.note(&format!("{name} {why}; looking further"));
                    }
                }
                Err(Failure::Wrong(path, why)) => {
                    let (path, found_by) = (path.display(), candidate.found_by);
                    return Err(RuntimeError::Unusable(format!(
                        "{path} ({found_by}) {why}; {TENSORFLOW_DIR} can name the folder of another"
                    )));
                }
            }
        }
        Ok(None)
    }

    /// Opens what the cache holds. What is seen to be damaged is installed anew at once, before lesser places are looked
    /// at; but not where a GPU must be used, for which it would not do.
    fn try_cache(&mut self) -> Outcome {
        let Ok(installer) = &self.installer else {
            return Ok(None);
        };
        let folder = installer.folder();
        match installer.installed() {
            Some(Ok(library)) => return self.open_cached(library, FoundBy::Cache),
            None => {
                let cache = installer.cache.clone();
                self.looked(cache.display(), "no TensorFlow installed there");
            }
            Some(Err(why)) => {
                self.looked(folder.display(), format!("damaged: {why}"));
                if self.options.gpu != Gpu::Required {
                    return self.try_install();
                }
                self.progress.note(&format!("{} is damaged ({why}); looking further", folder.display()));
            }
        }
        Ok(None)
    }

    fn open_cached(&mut self, library: PathBuf, found_by: FoundBy) -> Outcome {
        self.try_all("the cache", Ok(vec![Candidate::new(library, found_by)]))
    }

    fn try_install(&mut self) -> Outcome {
        // It may have failed a moment ago, for a damaged cache.
        if !self.report.tried.is_empty() {
            return Ok(None);
        }
        // This reads all of a library that could not be opened, which is worth it only now: nothing else was found.
        let installed = self.installer.as_ref().map_err(Clone::clone).and_then(|installer| {
            let source = format!("pip download {}", installer.wheel.requirement);
            installer.install().map_err(|why| format!("{source}: {why}"))
        });
        match installed {
            Ok((library, found_by)) => self.open_cached(library, found_by),
            Err(why) => {
                self.report.tried.push(why);
                Ok(None)
            }
        }
    }
}
