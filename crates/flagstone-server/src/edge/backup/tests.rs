//! Whatever happens to the file, what was whole before serves.

use flagstone_model::api_tokens::TokenKind;

use super::super::tokens::given;
use super::*;

fn place(environment: &str) -> Arc<Place> {
    Arc::new(Place { environment: environment.to_owned(), projects: vec!["*".to_owned()] })
}

fn changes(kind: &str, revision: u64) -> Box<RawValue> {
    RawValue::from_string(format!(r#"{{"events":[{{"type":"{kind}","eventId":{revision}}}]}}"#)).unwrap()
}

pub fn feed(revision: u64) -> News {
    News::Feed(place("development"), changes("hydration", revision))
}

fn change(revision: u64) -> News {
    News::Changes(place("development"), changes("feature-updated", revision))
}

pub fn token(secret: &str) -> Arc<ApiToken> {
    given(&format!("*:development.{secret}"), TokenKind::Backend, None).unwrap()
}

/// Writes all as it is at a revision.
fn rewrite(backup: &Backup, revision: u64) {
    backup.0.try_lock().unwrap().rewrite([feed(revision)].into_iter()).unwrap();
}

fn append(backup: &Backup, news: Vec<News>) {
    backup.0.try_lock().unwrap().append(news.into_iter()).unwrap();
}

/// What is in a file: the numbers of tokens and, for each feed, of its environment and events.
pub fn told(saved: &Saved) -> String {
    let told = saved.feeds.iter().map(|feed| {
        let events = feed.changes.iter().flat_map(|changes| &changes.events);
        let events: Vec<_> = events.map(|event| event.event_id.to_string()).collect();
        format!("{} {}", feed.place.environment, events.join(","))
    });
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    format!("{} tokens; {}", saved.tokens.len(), told.join("; "))
}

/// What another process that begins in the folder finds there.
fn loaded(folder: &Path) -> Option<String> {
    Backup::new(folder).unwrap().load().as_ref().map(told)
}

#[test]
fn what_was_written_is_read_and_written_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    let backup = Backup::new(&path).unwrap();
    assert!(backup.load().is_none());
    assert!(backup.0.try_lock().unwrap().wants_all());
    backup.0.try_lock().unwrap().append([feed(1)].into_iter()).unwrap_err();
    rewrite(&backup, 1);
    assert_eq!(loaded(&path).unwrap(), "0 tokens; development 1");
    append(&backup, vec![News::Token(token("a")), News::Token(token("b")), change(2), change(3)]);
    append(&backup, vec![News::Token(token("a")), News::Forgotten(token("b").hash.clone())]);
    assert_eq!(loaded(&path).unwrap(), "1 tokens; development 1,2,3");
    // A process that begins with it goes on in it.
    let backup = Backup::new(&path).unwrap();
    assert_eq!(told(&backup.load().unwrap()), "1 tokens; development 1,2,3");
    assert!(!backup.0.try_lock().unwrap().wants_all());
    append(&backup, vec![change(4), News::Changes(place("production"), changes("hydration", 7))]);
    assert_eq!(loaded(&path).unwrap(), "1 tokens; development 1,2,3,4; production 7");
    append(&backup, vec![feed(5), News::Gone(place("production")), News::Gone(place("nowhere"))]);
    append(&backup, vec![change(6)]);
    assert_eq!(loaded(&path).unwrap(), "1 tokens; development 5,6");
    append(&backup, vec![News::Feed(place("production"), changes("hydration", 8))]);
    assert_eq!(loaded(&path).unwrap(), "1 tokens; development 5,6; production 8");
    let text = fs::read_to_string(path.join(CURRENT)).unwrap();
    assert!(text.contains(&token("a").hash) && !text.contains("development.a"), "a secret is on disk");
}

#[test]
fn f6_whatever_breaks_the_last_file_the_last_whole_state_before_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(CURRENT);
    let backup = Backup::new(folder.path()).unwrap();
    rewrite(&backup, 1);
    append(&backup, vec![change(2)]);
    let old = fs::read(&path).unwrap();
    rewrite(&backup, 3);
    // Where each state ends, and what it is.
    let mut states = vec![(fs::read(&path).unwrap().len(), "0 tokens; development 3".to_owned())];
    for news in [change(4), News::Token(token("a")), feed(5), change(6)] {
        append(&backup, vec![news]);
        states.push((fs::read(&path).unwrap().len(), loaded(folder.path()).unwrap()));
    }
    assert_eq!(states.last().unwrap().1, "1 tokens; development 5,6");
    let good = fs::read(&path).unwrap();
    let check = |bytes: &[u8], at: usize, what: &str| {
        fs::write(&path, bytes).unwrap();
        fs::write(folder.path().join(PREVIOUS), &old).unwrap();
        let expect = states.iter().rev().find(|(end, _)| *end <= at).map(|(_, state)| state.as_str());
        let backup = Backup::new(folder.path()).unwrap();
        let found = backup.load().as_ref().map(told);
        assert_eq!(found.as_deref(), expect.or(Some("0 tokens; development 1,2")), "{what} at {at}");
        // What is written next is there, and nothing of what was broken.
        let mut journal = backup.0.try_lock().unwrap();
        assert_eq!(journal.wants_all(), expect.is_none(), "{what} at {at}");
        match expect {
            Some(_) => journal.append([feed(9)].into_iter()).unwrap(),
            None => journal.rewrite([feed(9)].into_iter()).unwrap(),
        }
        assert!(loaded(folder.path()).unwrap().ends_with("development 9"), "{what} at {at}");
    };
    for at in 0..good.len() {
        let state = states.iter().rev().find(|(end, _)| *end <= at).map(|(_, state)| state.clone());
        let read = |bytes: &[u8]| records::read(bytes).ok().map(|reading| told(&saved(reading, CURRENT).1));
        for bit in 0..8 {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << bit;
            assert_eq!(read(&flipped), state, "bit {bit} of byte {at} flipped");
            // Each of the others takes the disk's time.
            if at % 8 == bit && at.is_multiple_of(3) {
                check(&flipped, at, "flipped");
            }
        }
        assert_eq!(read(&good[..at]), state, "cut at {at}");
        if at.is_multiple_of(5) {
            check(&good[..at], at, "cut");
        }
    }
    check(&[&good[..], b"0000"].concat(), good.len(), "torn");
    fs::remove_file(&path).unwrap();
    fs::write(folder.path().join(PREVIOUS), &old).unwrap();
    assert_eq!(loaded(folder.path()).unwrap(), "0 tokens; development 1,2", "killed between the two renames");
}

#[test]
fn f6_records_of_another_file_or_place_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(CURRENT);
    let backup = Backup::new(folder.path()).unwrap();
    let write = || {
        rewrite(&backup, 1);
        let base = fs::read(&path).unwrap().len();
        append(&backup, vec![change(2)]);
        let first = fs::read(&path).unwrap().len();
        append(&backup, vec![change(3)]);
        (fs::read(&path).unwrap(), base, first)
    };
    let (other, _, _) = write();
    let (good, base, first) = write();
    assert_eq!(loaded(folder.path()).unwrap(), "0 tokens; development 1,2,3");
    // As after a power cut that wrote the blocks of the file in another order, or not all of them.
    for (mixed, what) in [
        ([&good[..base], &other[base..]].concat(), "the records of the file before"),
        ([&good[..base], &good[first..], &good[base..first]].concat(), "its own in another order"),
        ([&good[..base], &good[first..]].concat(), "a gap"),
    ] {
        fs::write(&path, mixed).unwrap();
        assert_eq!(loaded(folder.path()).unwrap(), "0 tokens; development 1", "{what}");
    }
}

#[test]
fn f6_a_broken_file_never_takes_the_place_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let backup = Backup::new(folder.path()).unwrap();
    let [current, previous, broken] = [CURRENT, PREVIOUS, BROKEN].map(|name| folder.path().join(name));
    rewrite(&backup, 1);
    rewrite(&backup, 2);
    let before = fs::read(&previous).unwrap();
    fs::write(&current, "broken").unwrap();
    let backup = Backup::new(folder.path()).unwrap();
    assert_eq!(told(&backup.load().unwrap()), "0 tokens; development 1");
    assert_eq!(fs::read(&broken).unwrap(), b"broken");
    rewrite(&backup, 3);
    assert_eq!(fs::read(&previous).unwrap(), before, "a kill in the middle of this write would have lost everything");
    // What is cut off is put aside as well.
    let good = fs::read(&current).unwrap();
    fs::write(&current, [&good[..], b"torn"].concat()).unwrap();
    assert_eq!(loaded(folder.path()).unwrap(), "0 tokens; development 3");
    assert_eq!((fs::read(&broken).unwrap(), fs::read(&current).unwrap()), (b"torn".to_vec(), good));
    // Broken as well by now: there is nothing left, and that is no reason not to start.
    fs::write(&current, "").unwrap();
    fs::write(&previous, "").unwrap();
    let backup = Backup::new(folder.path()).unwrap();
    assert!(backup.load().is_none());
    rewrite(&backup, 4);
    assert_eq!(loaded(folder.path()).unwrap(), "0 tokens; development 4");
}

#[test]
fn f6_a_failed_write_is_made_good_by_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let backup = Backup::new(folder.path()).unwrap();
    rewrite(&backup, 1);
    {
        let mut journal = backup.0.try_lock().unwrap();
        // As when a disk fails: this one cannot be written.
        journal.open.as_mut().unwrap().file = File::open(folder.path().join(CURRENT)).unwrap();
        journal.append([change(2)].into_iter()).unwrap_err();
        assert!(journal.wants_all());
        journal.append([change(3)].into_iter()).unwrap_err();
    }
    assert_eq!(loaded(folder.path()).unwrap(), "0 tokens; development 1");
    rewrite(&backup, 3);
    append(&backup, vec![change(4)]);
    assert_eq!(loaded(folder.path()).unwrap(), "0 tokens; development 3,4");
}

#[test]
fn a_file_is_made_anew_when_most_of_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let backup = Backup::new(folder.path()).unwrap();
    let large = |revision: u64| {
        let text = "x".repeat(10_000);
        let event = format!(r#"{{"type":"hydration","eventId":{revision},"text":"{text}"}}"#);
        News::Feed(place("development"), RawValue::from_string(format!(r#"{{"events":[{event}]}}"#)).unwrap())
    };
    let (mut anew, mut largest) = (0, 0);
    for revision in 0..100 {
        let mut journal = backup.0.try_lock().unwrap();
        if journal.wants_all() {
            anew += 1;
            journal.rewrite([large(revision)].into_iter()).unwrap();
        } else {
            journal.append([large(revision)].into_iter()).unwrap();
        }
        drop(journal);
        largest = largest.max(fs::metadata(folder.path().join(CURRENT)).unwrap().len());
    }
    assert!((10..20).contains(&anew), "{anew} times");
    assert!(largest < 2 * GARBAGE_MIN, "{largest} bytes");
    assert_eq!(loaded(folder.path()).unwrap(), "0 tokens; development 99");
    // The same for one that was read.
    let backup = Backup::new(folder.path()).unwrap();
    backup.load().unwrap();
    let steps = (0..100).take_while(|revision| {
        let mut journal = backup.0.try_lock().unwrap();
        let goes_on = !journal.wants_all();
        if goes_on {
            journal.append([large(*revision)].into_iter()).unwrap();
        }
        goes_on
    });
    assert!(steps.count() < 10);
}

#[test]
fn f6_writes_at_the_same_time_leave_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let backup = Backup::new(folder.path()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4_u32 {
            let backup = backup.clone();
            scope.spawn(move || {
                for n in 0..25 {
                    let mut journal = backup.0.blocking_lock();
                    // Of very different length, so that one in the place of the other would show.
                    journal.rewrite([feed(10_u64.pow(4 * writer) + n)].into_iter()).unwrap();
                    journal.append([change(n)].into_iter()).unwrap();
                }
            });
        }
    });
    for name in [CURRENT, PREVIOUS] {
        assert_eq!(records::read(&fs::read(folder.path().join(name)).unwrap()).map(|reading| reading.broken), Ok(None));
    }
}
