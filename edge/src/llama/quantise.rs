//! Weights to fewer bits.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use llama_cpp_sys_2 as sys;

use super::file::{self, FileError};
use super::{LlamaError, backend};

/// Every type that can be made without an importance matrix, coarse to fine.
const TYPES: &[(QuantType, &str, sys::llama_ftype)] = &[
    (QuantType::Q2K, "q2_k", sys::LLAMA_FTYPE_MOSTLY_Q2_K),
    (QuantType::Q3KS, "q3_k_s", sys::LLAMA_FTYPE_MOSTLY_Q3_K_S),
    (QuantType::Q3KM, "q3_k_m", sys::LLAMA_FTYPE_MOSTLY_Q3_K_M),
    (QuantType::Q3KL, "q3_k_l", sys::LLAMA_FTYPE_MOSTLY_Q3_K_L),
    (QuantType::Iq4Xs, "iq4_xs", sys::LLAMA_FTYPE_MOSTLY_IQ4_XS),
    (QuantType::Iq4Nl, "iq4_nl", sys::LLAMA_FTYPE_MOSTLY_IQ4_NL),
    (QuantType::Q4_0, "q4_0", sys::LLAMA_FTYPE_MOSTLY_Q4_0),
    (QuantType::Q4_1, "q4_1", sys::LLAMA_FTYPE_MOSTLY_Q4_1),
    (QuantType::Q4KS, "q4_k_s", sys::LLAMA_FTYPE_MOSTLY_Q4_K_S),
    (QuantType::Q4KM, "q4_k_m", sys::LLAMA_FTYPE_MOSTLY_Q4_K_M),
    (QuantType::Q5_0, "q5_0", sys::LLAMA_FTYPE_MOSTLY_Q5_0),
    (QuantType::Q5_1, "q5_1", sys::LLAMA_FTYPE_MOSTLY_Q5_1),
    (QuantType::Q5KS, "q5_k_s", sys::LLAMA_FTYPE_MOSTLY_Q5_K_S),
    (QuantType::Q5KM, "q5_k_m", sys::LLAMA_FTYPE_MOSTLY_Q5_K_M),
    (QuantType::Q6K, "q6_k", sys::LLAMA_FTYPE_MOSTLY_Q6_K),
    (QuantType::Q8_0, "q8_0", sys::LLAMA_FTYPE_MOSTLY_Q8_0),
    (QuantType::F16, "f16", sys::LLAMA_FTYPE_MOSTLY_F16),
    (QuantType::Bf16, "bf16", sys::LLAMA_FTYPE_MOSTLY_BF16),
];

/// What weights are stored as; each is llama.cpp's mix of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuantType {
    /// 2-bit K-quants.
    Q2K,
    /// 3-bit K-quants, small.
    Q3KS,
    /// 3-bit K-quants, medium.
    Q3KM,
    /// 3-bit K-quants, large.
    Q3KL,
    /// 4-bit, non-linear, extra small.
    Iq4Xs,
    /// 4-bit, non-linear.
    Iq4Nl,
    /// 4-bit blocks.
    Q4_0,
    /// 4-bit blocks with minima.
    Q4_1,
    /// 4-bit K-quants, small.
    Q4KS,
    /// 4-bit K-quants, medium: the usual choice.
    Q4KM,
    /// 5-bit blocks.
    Q5_0,
    /// 5-bit blocks with minima.
    Q5_1,
    /// 5-bit K-quants, small.
    Q5KS,
    /// 5-bit K-quants, medium.
    Q5KM,
    /// 6-bit K-quants.
    Q6K,
    /// 8-bit blocks.
    Q8_0,
    /// 16-bit floats.
    F16,
    /// 16-bit brain floats.
    Bf16,
}

impl QuantType {
    /// The name that flags and file names use: `q4_k_m`.
    pub fn name(self) -> &'static str {
        TYPES
            .iter()
            .find(|row| row.0 == self)
            .map_or("", |row| row.1)
    }

    /// Every name, coarse to fine.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|row| row.1)
    }

    fn code(self) -> sys::llama_ftype {
        let row = TYPES.iter().find(|row| row.0 == self);
        row.map_or(sys::LLAMA_FTYPE_MOSTLY_F16, |row| row.2)
    }
}

impl std::str::FromStr for QuantType {
    type Err = QuantiseError;

    fn from_str(name: &str) -> Result<Self, QuantiseError> {
        let wanted = name.to_ascii_lowercase();
        let row = TYPES.iter().find(|row| row.1 == wanted);
        row.map(|row| row.0).ok_or_else(|| QuantiseError::Type {
            name: name.to_owned(),
        })
    }
}

/// Why no quantised file was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantiseError {
    /// No such type.
    #[error("no quantisation is called {name:?}; there are {}", QuantType::names().collect::<Vec<_>>().join(", "))]
    Type {
        /// What was asked for.
        name: String,
    },
    /// The source is not a model.
    #[error("cannot use model file {path}")]
    Source {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FileError,
    },
    /// The runtime did not start.
    #[error("the runtime is not there")]
    Backend {
        /// Why.
        source: LlamaError,
    },
    /// A path that C cannot be told.
    #[error("path {path:?} is not UTF-8")]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// llama.cpp failed; its own words are in the log.
    #[error("llama.cpp cannot make {kind} of {path}: is it quantised already, or the disk full?")]
    Failed {
        /// The source.
        path: PathBuf,
        /// The type that was asked for.
        kind: &'static str,
    },
    /// The result could not be put in its place.
    #[error("cannot write {path}")]
    Write {
        /// The destination.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Writes `source` to `destination` with weights of `kind`; the file appears whole or
/// not at all.
///
/// # Errors
/// [`QuantiseError`]; the destination is as it was then.
pub fn quantise(
    source: &Path,
    destination: &Path,
    kind: QuantType,
    threads: u32,
) -> Result<(), QuantiseError> {
    file::read(source).map_err(|error| QuantiseError::Source {
        path: source.to_path_buf(),
        source: error,
    })?;
    backend::start().map_err(|source| QuantiseError::Backend { source })?;
    let mut part = destination.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    if convert(&c_path(source)?, &c_path(&part)?, kind, threads) != 0 {
        // Nothing to clean up if llama.cpp failed before it began to write.
        let _ = fs_err::remove_file(&part);
        return Err(QuantiseError::Failed {
            path: source.to_path_buf(),
            kind: kind.name(),
        });
    }
    fs_err::rename(&part, destination).map_err(|source| QuantiseError::Write {
        path: destination.to_path_buf(),
        source,
    })
}

fn c_path(path: &Path) -> Result<CString, QuantiseError> {
    let text = path.to_str().and_then(|text| CString::new(text).ok());
    text.ok_or_else(|| QuantiseError::Path {
        path: path.to_path_buf(),
    })
}

#[expect(
    unsafe_code,
    reason = "llama.cpp's C interface; see the comments inside"
)]
fn convert(source: &CString, destination: &CString, kind: QuantType, threads: u32) -> u32 {
    // SAFETY: takes nothing and returns a plain value.
    let mut params = unsafe { sys::llama_model_quantize_default_params() };
    params.ftype = kind.code();
    params.nthread = i32::try_from(threads).unwrap_or(1);
    // SAFETY: both paths end in NUL and live through the call, as do the parameters,
    // whose pointers are null.
    unsafe { sys::llama_model_quantize(source.as_ptr(), destination.as_ptr(), &raw const params) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name_in_any_case() {
        for name in QuantType::names() {
            let kind: QuantType = name.to_uppercase().parse().unwrap();
            assert_eq!(kind.name(), name);
        }
    }

    #[test]
    fn an_unknown_type_is_answered_with_the_known_ones() {
        let error = "q9".parse::<QuantType>().unwrap_err().to_string();
        assert!(error.contains("q9") && error.contains("q4_k_m"), "{error}");
    }
}
