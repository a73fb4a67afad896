//! Whether LMDB's file is whole: a cut file would end this process by a signal as soon
//! as a page past its end is read through the map.
//!
//! LMDB may leave the last pages of a file unwritten when they were freed in the same
//! transaction, so a file may rightly be shorter than its meta page says. Then every
//! page that is pointed at is looked for, without the map.
//!
//! Source: the on-disk format of LMDB 0.9 (`mdb.c`: `MDB_meta`, `MDB_page`, `MDB_node`).

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use fs_err as fs;
use heed::{Env, WithoutTls};

use super::StoreError;

const PAGE_HEADER: usize = 16;
const META_MAGIC: u32 = 0xBEEF_C0DE;
const META_TABLES: usize = PAGE_HEADER + 24;
const TABLE_BYTES: usize = 48;
const TABLE_ROOT: usize = 40;
const META_TXNID: usize = META_TABLES + 2 * TABLE_BYTES + 8;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const LEAF2: u16 = 0x20;
const BIG_DATA: u16 = 0x01;
const SUB_TABLE: u16 = 0x02;
const NO_PAGE: u64 = u64::MAX;

/// Refuses a file from which pages are missing that are pointed at.
pub(super) fn check_length(env: &Env<WithoutTls>, path: &Path) -> Result<(), StoreError> {
    let page_bytes = env.unnamed_database_stat().page_size as u64;
    let last_page = env.info().last_page_number as u64;
    let length = match fs::metadata(path) {
        Ok(found) => found.len(),
        Err(source) => {
            return Err(StoreError::Folder {
                path: path.to_owned(),
                source,
            });
        }
    };
    if length >= last_page.saturating_add(1).saturating_mul(page_bytes) {
        return Ok(());
    }
    check_pages(path, page_bytes)
}

/// Follows every pointer from the newest meta page.
pub(super) fn check_pages(path: &Path, page_bytes: u64) -> Result<(), StoreError> {
    let damaged = |problem: String| StoreError::Damaged {
        path: path.to_owned(),
        problem,
    };
    let walk = || -> io::Result<()> {
        let file = fs::File::open(path)?;
        let mut pages = Pages {
            length: file.metadata()?.len(),
            page_bytes,
            file: file.into_parts().0,
        };
        let meta = pages.newest_meta()?;
        // Another process may have made the file longer before it wrote this meta page.
        pages.length = pages.file.metadata()?.len();
        pages.walk(&meta)
    };
    walk().map_err(|error| damaged(error.to_string()))
}

struct Pages {
    file: std::fs::File,
    length: u64,
    page_bytes: u64,
}

impl Pages {
    fn walk(&self, meta: &[u8]) -> io::Result<()> {
        let mut open: Vec<u64> = (0..2)
            .map(|table| u64_at(meta, META_TABLES + table * TABLE_BYTES + TABLE_ROOT))
            .collect::<io::Result<_>>()?;
        let mut left = self.length / self.page_bytes;
        while let Some(number) = open.pop() {
            if number == NO_PAGE {
                continue;
            }
            left = left
                .checked_sub(1)
                .ok_or_else(|| broken("pages point at each other in a circle"))?;
            self.follow(&self.page(number)?, number, &mut open)?;
        }
        Ok(())
    }

    fn newest_meta(&self) -> io::Result<Vec<u8>> {
        let metas: Vec<Vec<u8>> = (0..2)
            .filter_map(|number| self.page(number).ok())
            .filter(|page| u32_at(page, PAGE_HEADER).is_ok_and(|magic| magic == META_MAGIC))
            .collect();
        metas
            .into_iter()
            .max_by_key(|page| u64_at(page, META_TXNID).unwrap_or(0))
            .ok_or_else(|| broken("it has no meta page"))
    }

    fn page(&self, number: u64) -> io::Result<Vec<u8>> {
        let start = self.expect_pages(number, 1)?;
        let mut page = vec![0; usize::try_from(self.page_bytes).unwrap_or(4096)];
        self.file.read_exact_at(&mut page, start)?;
        Ok(page)
    }

    /// Where a run of pages begins, if the file holds all of it.
    fn expect_pages(&self, number: u64, count: u64) -> io::Result<u64> {
        let start = number.checked_mul(self.page_bytes);
        let end = number
            .checked_add(count)
            .and_then(|n| n.checked_mul(self.page_bytes));
        match (start, end) {
            (Some(start), Some(end)) if end <= self.length => Ok(start),
            _ => Err(broken(&format!("page {number} is past its end"))),
        }
    }

    fn follow(&self, page: &[u8], number: u64, open: &mut Vec<u64>) -> io::Result<()> {
        if u64_at(page, 0)? != number {
            return Err(broken(&format!("page {number} says it is another")));
        }
        let flags = u16_at(page, 10)?;
        if flags & LEAF2 != 0 {
            return Ok(());
        }
        if flags & (BRANCH | LEAF) == 0 {
            return Err(broken(&format!("page {number} is of no known kind")));
        }
        let lower = usize::from(u16_at(page, 12)?);
        for slot in (PAGE_HEADER..lower).step_by(2) {
            let node = usize::from(u16_at(page, slot)?);
            if flags & BRANCH != 0 {
                open.push(branch_target(page, node)?);
            } else {
                self.follow_leaf(page, node, open)?;
            }
        }
        Ok(())
    }

    fn follow_leaf(&self, page: &[u8], node: usize, open: &mut Vec<u64>) -> io::Result<()> {
        let flags = u16_at(page, node + 4)?;
        let value = node + 8 + usize::from(u16_at(page, node + 6)?);
        if flags & SUB_TABLE != 0 {
            open.push(u64_at(page, value + TABLE_ROOT)?);
        } else if flags & BIG_DATA != 0 {
            let first = u64_at(page, value)?;
            let head = self.page(first)?;
            self.expect_pages(first, u64::from(u32_at(&head, 12)?))?;
        }
        Ok(())
    }
}

/// A branch node keeps 48 bits of page number where a leaf has sizes and flags.
fn branch_target(page: &[u8], node: usize) -> io::Result<u64> {
    let [low, middle, high] = [node, node + 2, node + 4].map(|at| u16_at(page, at));
    Ok(u64::from(low?) | u64::from(middle?) << 16 | u64::from(high?) << 32)
}

fn broken(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}

fn bytes_at<const N: usize>(page: &[u8], at: usize) -> io::Result<[u8; N]> {
    page.get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or_else(|| broken("a page points past its own end"))
}

fn u16_at(page: &[u8], at: usize) -> io::Result<u16> {
    bytes_at(page, at).map(u16::from_ne_bytes)
}

fn u32_at(page: &[u8], at: usize) -> io::Result<u32> {
    bytes_at(page, at).map(u32::from_ne_bytes)
}

fn u64_at(page: &[u8], at: usize) -> io::Result<u64> {
    bytes_at(page, at).map(u64::from_ne_bytes)
}
