//! Looking at place after place for a library that can be opened, and keeping account of why others cannot.

use super::Options;
use super::candidate::{Candidate, Found, FoundBy};
use super::environment::Settings;
use super::error::{LibraryError, RuntimeError};
use super::find::{self, Place, Surroundings};
use super::inspect;
use super::install::{self, LibrarySource};
use super::installed::{self, State};
use super::open::{self, Opening};
use super::opened::Runtime;
use super::report::{Attempt, Report};
use super::version::Version;
use crate::fetch::Progress;
use crate::fetch::cache::CacheError;
use std::env;
use std::path::{Path, PathBuf};

/// A search under way, with what it has seen so far.
pub(super) struct Search<'a> {
    settings: Settings,
    options: &'a Options,
    surroundings: Surroundings,
    cache: Result<PathBuf, CacheError>,
    progress: &'a dyn Progress,
    report: Report,
}

impl<'a> Search<'a> {
    pub fn new(
        options: &'a Options,
        surroundings: Surroundings,
        cache: Result<PathBuf, CacheError>,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            settings: Settings::new(options, |name| env::var(name).ok()),
            options,
            surroundings,
            cache,
            progress,
            report: Report {
                gpu: options.device.requires_gpu(),
                ..Report::default()
            },
        }
    }

    /// Looks at each place in turn and opens the first library that can be used.
    pub fn run(mut self, sources: &mut [Box<dyn LibrarySource>]) -> Result<Runtime, RuntimeError> {
        match self.surroundings.named_library() {
            Some(Ok(candidate)) => return self.open_named(&candidate),
            Some(Err(folder)) => {
                return Err(RuntimeError::EmptyFolder {
                    folder: folder.to_string_lossy().into_owned(),
                });
            }
            None => self.looked("TENSORFLOW_DIR", "not set"),
        }
        for place in find::places(self.options.device) {
            let opened = match place {
                Place::Cache => self.try_cache(sources)?,
                Place::Python { gpu_only } => {
                    let what = if *gpu_only {
                        "Python packages with GPU support"
                    } else {
                        "Python packages"
                    };
                    let found = self.surroundings.python(*gpu_only);
                    self.try_all(what, found)?
                }
                Place::System => {
                    let found = self.surroundings.system();
                    self.try_all("system folders", found)?
                }
                Place::Install => self.try_install(sources)?,
            };
            if let Some(runtime) = opened {
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
        let unusable = |cause| RuntimeError::UnusableFolder {
            path: candidate.library.clone(),
            cause,
        };
        vet(candidate).map_err(unusable)?;
        match self.open(candidate) {
            Opening::Opened(runtime) => Ok(runtime),
            Opening::NotOpened(cause) | Opening::Wrong(cause) => Err(unusable(cause)),
        }
    }

    fn open(&self, candidate: &Candidate) -> Opening {
        open::open(candidate, &self.settings, !self.options.verbose)
    }

    /// Opens the first candidate that can be used; the others are noted.
    fn try_all(&mut self, what: &str, found: Found) -> Result<Option<Runtime>, RuntimeError> {
        if found.candidates.is_empty() {
            self.looked(what, found.why_none);
        }
        for candidate in found.candidates {
            let name = candidate.library.display().to_string();
            let cause = match vet(&candidate) {
                Ok(()) => match self.open(&candidate) {
                    Opening::Opened(runtime) => return Ok(Some(runtime)),
                    Opening::NotOpened(cause) => cause,
                    Opening::Wrong(cause) => return Err(unusable(&candidate, cause)),
                },
                Err(cause) => cause,
            };
            self.progress.note(&format!("{name} {cause}; looking further"));
            self.looked(name, cause.to_string());
        }
        Ok(None)
    }

    /// Opens what the cache holds. What is damaged is installed anew at once, before lesser places are looked at.
    fn try_cache(&mut self, sources: &mut [Box<dyn LibrarySource>]) -> Result<Option<Runtime>, RuntimeError> {
        let cache = match &self.cache {
            Ok(cache) => cache.clone(),
            Err(error) => {
                let why = error.to_string();
                self.looked("the cache", why);
                return Ok(None);
            }
        };
        let folders: Vec<_> = sources
            .iter()
            .map(|source| installed::folder(&cache, source.version()))
            .collect();
        let mut damaged = None;
        for folder in folders {
            match installed::check(&folder) {
                State::Absent => {}
                State::Damaged(why) => damaged = damaged.or(Some((folder, why))),
                State::Sound(library) => match self.open_cached(library, &folder, FoundBy::Cache)? {
                    Ok(runtime) => return Ok(Some(runtime)),
                    Err(Some(why)) => damaged = damaged.or(Some((folder, why))),
                    Err(None) => {}
                },
            }
        }
        match damaged {
            Some((folder, why)) => {
                self.progress.note(&format!(
                    "{} is damaged ({why}); installing it anew",
                    folder.display()
                ));
                self.looked(folder.display().to_string(), format!("damaged: {why}"));
                self.try_install(sources)
            }
            None => {
                self.looked(cache.display().to_string(), "no TensorFlow installed there");
                Ok(None)
            }
        }
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
            Opening::Opened(runtime) => Ok(Ok(runtime)),
            Opening::Wrong(cause) => Err(unusable(&candidate, cause)),
            Opening::NotOpened(cause) => {
                self.looked(candidate.library.display().to_string(), cause.to_string());
                Ok(Err(match installed::check_thoroughly(folder) {
                    State::Damaged(why) => Some(why),
                    State::Absent | State::Sound(_) => None,
                }))
            }
        }
    }

    fn try_install(
        &mut self,
        sources: &mut [Box<dyn LibrarySource>],
    ) -> Result<Option<Runtime>, RuntimeError> {
        let Ok(cache) = self.cache.as_ref().cloned() else {
            return Ok(None);
        };
        if !self.report.tried.is_empty() {
            return Ok(None); // it failed a moment ago, for a damaged cache
        }
        if sources.is_empty() {
            let kind = format!("{} on {}", env::consts::OS, env::consts::ARCH);
            let why =
                format!("there is no release for {kind}; for Linux (x86_64, aarch64) and macOS there is");
            self.report
                .tried
                .push(Attempt::new("a release of TensorFlow", why));
            return Ok(None);
        }
        match install::install(&cache, sources, self.progress) {
            Ok((library, found_by)) => {
                let folder = library.parent().unwrap_or(&cache).to_path_buf();
                Ok(self.open_cached(library, &folder, found_by)?.ok())
            }
            Err(failures) => {
                self.report.tried = failures;
                Ok(None)
            }
        }
    }
}

/// Refuses what can be told to be of no use without opening it.
fn vet(candidate: &Candidate) -> Result<(), LibraryError> {
    match candidate
        .version
        .as_deref()
        .map(|text| (text, Version::parse(text)))
    {
        Some((text, Some(version))) if !version.is_supported() => {
            Err(LibraryError::WrongVersion(text.to_owned()))
        }
        _ => inspect::inspect(
            &candidate.library,
            candidate.framework().as_deref(),
            candidate.version.clone(),
        ),
    }
}

fn unusable(candidate: &Candidate, cause: LibraryError) -> RuntimeError {
    RuntimeError::Unusable {
        path: candidate.library.clone(),
        found_by: candidate.found_by,
        cause,
    }
}

#[cfg(test)]
mod tests;
