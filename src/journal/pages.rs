//! Long lists, a page at a time: what comes in any number is never in memory as a whole.

use super::JournalError;

/// Items that are read at a time.
pub(super) const PAGE: u32 = 1000;

/// All items of a list in the order of their keys. `read` gives a page: the items behind a key, or the first ones; none of it stays open
/// between two pages, so that the journal can be written meanwhile.
pub(super) fn pages<T, K>(
    mut read: impl FnMut(Option<&K>) -> Result<Vec<T>, JournalError>,
    key: impl Fn(&T) -> K,
) -> impl Iterator<Item = Result<T, JournalError>> {
    let mut page = Vec::new().into_iter();
    let mut last = None;
    let mut is_over = false;
    std::iter::from_fn(move || {
        if let Some(item) = page.next() {
            return Some(Ok(item));
        }
        if is_over {
            return None;
        }
        let items = match read(last.as_ref()) {
            Ok(items) => items,
            Err(error) => {
                is_over = true;
                return Some(Err(error));
            }
        };
        is_over = items.len() < PAGE as usize;
        last = items.last().map(&key);
        page = items.into_iter();
        page.next().map(Ok)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: usize = PAGE as usize;

    fn numbers(total: usize) -> Vec<usize> {
        let all: Vec<usize> = (0..total).collect();
        let read = |after: Option<&usize>| {
            let behind = all.iter().filter(|number| after.is_none_or(|after| *number > after));
            Ok(behind.take(WHOLE).copied().collect())
        };
        pages(read, |number| *number).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn every_item_comes_once_and_in_order_whatever_the_number_of_pages() {
        for total in [0, 1, WHOLE - 1, WHOLE, WHOLE + 1, 3 * WHOLE, 3 * WHOLE + 7] {
            assert_eq!(numbers(total), (0..total).collect::<Vec<_>>());
        }
    }

    #[test]
    fn after_an_error_nothing_more_comes() {
        let read = |_: Option<&u32>| Err(JournalError::Broken);
        let read: Vec<Result<u32, _>> = pages(read, |number| *number).collect();
        assert!(matches!(read[..], [Err(JournalError::Broken)]));
    }
}
