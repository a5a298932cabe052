//! Which of several ways an upstream is followed in: the best that works now, and a better one again in a while.

use std::time::Duration;

use tokio::time::Instant;

/// How long another way is used before the best one is tried again, where the upstream says that it has none.
const BEST_AGAIN_MAX: Duration = Duration::from_mins(10);
/// The same where the best one has just failed; it doubles with each failure.
const BEST_AGAIN_MIN: Duration = Duration::from_secs(5);

/// How an upstream tells what is new, the best way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It says so when it happens.
    Stream,
    /// It is asked for what has changed.
    Delta,
    /// It is asked for everything.
    Poll,
}

/// Why a way does not work.
#[derive(Debug)]
pub enum Failure {
    /// The upstream, or what stands before it, says that there is no such way for this token.
    NotOffered(&'static str),
    /// Anything else.
    Error(anyhow::Error),
}

/// What there is to be said. What lasts is said once.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// The upstream is followed in this way from now on, and why not in the best one.
    FollowedBy(Way, Option<String>),
    /// It is not followed in any.
    Away(String),
}

/// Where a feed stands.
#[derive(Debug)]
pub struct Course {
    way: Way,
    /// When the best way is tried again.
    best_again: Instant,
    /// How long it is left alone when it fails the next time.
    pause: Duration,
    /// Whether the upstream itself has said that it does not offer the best way.
    told_so: bool,
    /// Why the best way does not work.
    reason: Option<String>,
    /// What was said last; nothing while the upstream is away.
    said: Option<Way>,
}

impl Course {
    /// Begins with the best way.
    pub fn new() -> Self {
        Self {
            way: Way::Stream,
            best_again: Instant::now(),
            pause: BEST_AGAIN_MIN,
            told_so: false,
            reason: None,
            said: Some(Way::Stream),
        }
    }

    /// The way to go now.
    pub fn way(&mut self) -> Way {
        if Instant::now() >= self.best_again {
            self.way = Way::Stream;
        }
        self.way
    }

    /// When the upstream is to be asked again that was asked just now.
    pub fn next(&self, every: Duration) -> Instant {
        self.best_again.min(Instant::now() + every)
    }

    /// This way has brought what there is.
    pub fn works(&mut self) -> Option<News> {
        if self.way == Way::Stream {
            (self.pause, self.told_so, self.reason) = (BEST_AGAIN_MIN, false, None);
        }
        let said = self.said.replace(self.way);
        (said != self.said).then(|| News::FollowedBy(self.way, self.reason.clone()))
    }

    /// This way does not work: goes on to the next. After the last comes the first again.
    pub fn fails(&mut self, failure: Failure) -> Option<News> {
        let told_so = matches!(failure, Failure::NotOffered(_));
        let reason = match failure {
            Failure::NotOffered(reason) => reason.to_owned(),
            Failure::Error(error) => format!("{error:#}"),
        };
        match self.way {
            Way::Stream => {
                self.way = Way::Delta;
                (self.told_so, self.reason) = (told_so, Some(reason));
                let pause = if told_so { BEST_AGAIN_MAX } else { self.pause };
                self.best_again = Instant::now() + pause;
                self.pause = (2 * self.pause).min(BEST_AGAIN_MAX);
                None
            }
            Way::Delta => {
                self.way = Way::Poll;
                None
            }
            Way::Poll => {
                // The best way may have failed for the same reason, and works as soon as this one does.
                if told_so || !self.told_so {
                    (self.best_again, self.pause) = (Instant::now(), BEST_AGAIN_MIN);
                }
                self.said.take().map(|_| News::Away(reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> Failure {
        Failure::Error(anyhow::anyhow!("503"))
    }

    fn by(way: Way, reason: &str) -> News {
        News::FollowedBy(way, Some(reason.to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn f20_a_way_that_fails_is_left_and_tried_again_ever_less_often() {
        let mut course = Course::new();
        let mut pauses = Vec::new();
        for round in 0..9 {
            assert_eq!(course.way(), Way::Stream, "round {round}");
            assert_eq!(course.fails(error()), None);
            assert_eq!(course.way(), Way::Delta);
            // What lasts is said once.
            assert_eq!(course.works(), (round == 0).then(|| by(Way::Delta, "503")));
            pauses.push((course.next(BEST_AGAIN_MAX) - Instant::now()).as_secs());
            tokio::time::advance(course.next(BEST_AGAIN_MAX) - Instant::now()).await;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(course.way(), Way::Stream);
        assert_eq!(course.works(), Some(News::FollowedBy(Way::Stream, None)));
        course.fails(error());
        assert_eq!((course.next(BEST_AGAIN_MAX) - Instant::now()).as_secs(), 5, "it has worked meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn f20_what_an_upstream_says_that_it_does_not_offer_is_not_asked_for_again_soon() {
        let mut course = Course::new();
        course.way();
        course.fails(Failure::NotOffered("404"));
        assert_eq!(course.way(), Way::Delta);
        course.fails(Failure::NotOffered("404"));
        assert_eq!((course.way(), course.works()), (Way::Poll, Some(by(Way::Poll, "404"))));
        assert_eq!(course.fails(error()), Some(News::Away("503".to_owned())));
        assert_eq!(course.way(), Way::Poll, "an answer that is no document is no reason to ask for streams");
        assert_eq!(course.fails(error()), None, "said already");
        assert_eq!(course.works(), Some(by(Way::Poll, "404")));
        assert_eq!(course.next(BEST_AGAIN_MAX) - Instant::now(), BEST_AGAIN_MAX);
        // As while a proxy knows no server behind it.
        course.fails(Failure::NotOffered("404"));
        assert_eq!(course.way(), Way::Stream, "one that offers nothing at all is not believed");
    }

    #[tokio::test(start_paused = true)]
    async fn f20_an_upstream_that_was_away_is_followed_in_the_best_way_at_once() {
        let mut course = Course::new();
        for round in 0..20 {
            for way in [Way::Stream, Way::Delta, Way::Poll] {
                assert_eq!(course.way(), way, "round {round}");
                let news = course.fails(error());
                assert_eq!(news.is_some(), round == 0 && way == Way::Poll, "round {round}");
            }
        }
        course.way();
        course.fails(error());
        // It has come back just now.
        assert_eq!((course.way(), course.works()), (Way::Delta, Some(by(Way::Delta, "503"))));
        assert_eq!(course.next(BEST_AGAIN_MAX) - Instant::now(), BEST_AGAIN_MIN);
    }
}
