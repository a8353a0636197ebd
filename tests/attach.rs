//! Runs that outlive their screen: detached, lost, attached to again, steered by scripts, and
//! disturbed by clients that break the protocol.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::Duration;

use laperm::run::{RunFolder, read_events};
use laperm::train::{Command, EventKind, Phase, Reason};
use rustix::process::Signal;
use support::pty::Pty;
use support::{PATIENCE, Running, SMALL, Workplace, events, eventually, pid, reason};

const SIZE: (u16, u16) = (100, 30);

const LONG: [&str; 4] = ["run", "long.toml", "--epochs", "100000"];

/// Starts a run with a screen. It does not end before it is stopped.
fn screen(workplace: &Workplace) -> Pty {
    workplace.write("long.toml", SMALL);
    let pty = Pty::start(workplace, &LONG, SIZE);
    pty.wait_for("best");
    pty
}

/// Starts such a run without a screen.
fn headless(workplace: &Workplace) -> (Running, RunFolder) {
    headless_with(workplace, &[])
}

fn headless_with(workplace: &Workplace, options: &[&str]) -> (Running, RunFolder) {
    workplace.write("long.toml", SMALL);
    let running = workplace.start(&[&LONG[..], &["--headless"], options].concat());
    let run = eventually("the run can be attached to", || {
        let run = workplace.runs().into_iter().next()?;
        run.path().join("control.sock").exists().then_some(run)
    });
    (running, run)
}

/// The latest step in the log.
fn step(run: &RunFolder) -> u64 {
    read_events(run).unwrap().last().map_or(0, |event| event.step)
}

/// Waits until the run takes further steps.
#[track_caller]
fn assert_continues(run: &RunFolder) {
    let now = step(run);
    eventually("the run continues", || (step(run) > now).then_some(()));
}

#[track_caller]
fn stop(workplace: &Workplace, run: &RunFolder) {
    let outcome = workplace.run(&["ctl", &run.name(), "stop"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("the run is over and saved"), "{outcome:?}");
    assert_eq!(reason(&events(run)), Reason::Stopped);
}

#[test]
fn a_detached_run_goes_on_and_is_attached_to_with_all_its_history() {
    let workplace = Workplace::new();
    let mut pty = screen(&workplace);
    pty.keys("K100\r");
    pty.wait_for("k = 100, from step");
    pty.keys("d");
    assert_eq!(pty.wait_for_end(), 0);
    pty.assert_restored();
    let text = pty.text();
    let run = workplace.only_run();
    assert!(text.contains(&format!("laperm attach {}", run.name())), "{text}");
    assert_continues(&run);

    let mut pty = Pty::start(&workplace, &["attach"], SIZE);
    // Both the best accuracy and the manual change happened before this screen was attached.
    pty.wait_until("the history is there", |s| s.contains("best") && s.contains("k 100 by hand"));
    pty.keys(" ");
    pty.wait_for("paused");
    pty.keys("qs");
    assert_eq!(pty.wait_for_end(), 0);
    assert_eq!(reason(&events(&run)), Reason::Stopped);
    let outcome = workplace.run(&["ctl", &run.name(), "pause"]);
    outcome.assert_refused(2, &["no process on this machine hosts the run", "laperm replay"]);
}

#[test]
fn a_run_that_is_over_at_once_is_shown() {
    let workplace = Workplace::new();
    workplace.write("short.toml", SMALL);
    let short = ["run", "short.toml", "--set", "network.name=\"f1\"", "--steps", "1"];
    let mut pty = Pty::start(&workplace, &short, SIZE);
    pty.wait_for("all steps taken");
    pty.keys("q");
    assert_eq!(pty.wait_for_end(), 0);
    assert_eq!(reason(&events(&workplace.only_run())), Reason::Finished);
}

#[test]
fn a_lost_terminal_costs_the_run_nothing() {
    for paused in [false, true] {
        let workplace = Workplace::new();
        let mut pty = screen(&workplace);
        if paused {
            pty.keys(" ");
            pty.wait_for("paused");
        }
        pty.hang_up();
        let run = workplace.only_run();
        if paused {
            let outcome = workplace.run(&["ctl", &run.name(), "resume"]);
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
        }
        assert_continues(&run);
        stop(&workplace, &run);
    }
}

#[test]
fn a_killed_screen_costs_the_run_nothing() {
    let workplace = Workplace::new();
    let pty = screen(&workplace);
    pty.signal(Signal::KILL);
    let run = workplace.only_run();
    assert_continues(&run);
    stop(&workplace, &run);
}

#[test]
fn a_killed_host_is_told_on_the_screen() {
    let workplace = Workplace::new();
    let mut pty = screen(&workplace);
    let host = workplace.only_run().host().unwrap();
    rustix::process::kill_process(pid(host.pid), Signal::KILL).unwrap();
    pty.wait_for("the process that hosts the run is gone");
    pty.keys("cq");
    assert_eq!(pty.wait_for_end(), 1);
    pty.assert_restored();
}

#[test]
fn a_script_steers_and_the_log_knows_who() {
    let workplace = Workplace::new();
    let (running, run) = headless(&workplace);
    let ctl = |arguments: &[&str]| {
        let name = run.name();
        let outcome = workplace.run(&[&["ctl", &name], arguments].concat());
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.stdout
    };
    assert!(ctl(&["set", "k=7", "p=0.25"]).contains("k = 7"));
    assert!(ctl(&["pause"]).contains("pause"));
    assert!(ctl(&["evaluate"]).contains("test accuracy"));
    let file = ctl(&["snapshot"]);
    let outcome = workplace.run(&["snapshot", "verify", file.trim()]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let json: serde_json::Value = serde_json::from_str(&ctl(&["step", "--json"])).unwrap();
    assert_eq!(json["events"][0]["command"], "step");
    ctl(&["resume"]);
    stop(&workplace, &run);
    assert_eq!(running.wait().code, Some(0));

    let events = events(&run);
    let signed = events.iter().filter_map(|event| match &event.kind {
        EventKind::Applied { command, by } => Some((command.clone(), by.clone())),
        _ => None,
    });
    let signed: Vec<_> = signed.collect();
    let commands: Vec<_> = signed.iter().map(|(command, _)| command.clone()).collect();
    let expected = [
        Command::SetPeriod { k: 7 },
        Command::SetPruning { p: 0.25 },
        Command::Pause,
        Command::Evaluate,
        Command::Snapshot,
        Command::Step,
        Command::Resume,
        Command::Stop,
    ];
    assert_eq!(commands, expected);
    assert!(signed.iter().all(|(_, by)| by.as_ref().is_some_and(|by| by.starts_with("ctl "))));
}

#[test]
fn wrong_wishes_are_refused_with_the_reason() {
    let workplace = Workplace::new();
    let (_running, run) = headless(&workplace);
    let name = run.name();
    let ctl = |arguments: &[&str]| workplace.run(&[&["ctl", &name], arguments].concat());
    ctl(&["set", "k=0"]).assert_refused(2, &["`k=0`", "at least 1"]);
    ctl(&["set", "q=1"]).assert_refused(2, &["only k, p and lr"]);
    let outcome = ctl(&["resume"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stdout.contains("it is running already"), "{outcome:?}");
    workplace.run(&["ctl", "nobody", "pause"]).assert_refused(2, &["nobody"]);
    stop(&workplace, &run);
}

#[test]
fn several_screens_see_the_same_and_each_may_steer() {
    let workplace = Workplace::new();
    let mut first = screen(&workplace);
    let name = workplace.only_run().name();
    let mut second = Pty::start(&workplace, &["attach", &name], SIZE);
    second.wait_for("best");
    second.keys(" ");
    second.wait_for("paused");
    first.wait_for("(attach ");
    first.keys(" ");
    second.wait_for("resumed at step");
    first.keys("d");
    assert_eq!(first.wait_for_end(), 0);
    second.keys("qs");
    assert_eq!(second.wait_for_end(), 0);
}

#[test]
fn the_socket_is_for_the_same_user_only() {
    let workplace = Workplace::new();
    let (_running, run) = headless(&workplace);
    let mode = fs::metadata(run.path().join("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    stop(&workplace, &run);
    eventually("the socket goes with the host", || {
        (!run.path().join("control.sock").exists()).then_some(())
    });
}

#[test]
fn garbage_closes_that_client_only() {
    let workplace = Workplace::new();
    let (_running, run) = headless(&workplace);
    let socket = run.path().join("control.sock");
    let hello = b"{\"laperm\":1,\"role\":\"test\"}\n";
    let long = [&hello[..], &vec![b'x'; 1 << 20]].concat();
    let deep = [&hello[..], "[".repeat(60_000).as_bytes(), b"\n"].concat();
    let messages: [&[u8]; 8] = [
        b"\n",
        b"\x00\xff\xfe\n",
        b"{\"laperm\":2,\"role\":\"test\"}\n",
        b"{\"laperm\":1}\n",
        &long,
        &deep,
        b"{\"laperm\":1,\"role\":\"test\"}\n{\"command\":\"explode\"}\n",
        b"{\"laperm\":1,\"role\":\"test\"}\n\xff\n",
    ];
    for message in messages {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The host may have closed the connection already.
        let _ = stream.write_all(message);
        let mut answer = Vec::new();
        // If the host closes the connection with unread input, this fails with a reset.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let last = answer.lines().last().unwrap_or_default();
        let shown = &message[..message.len().min(60)];
        assert!(
            last.starts_with("{\"refused\"") || message.len() > 1 << 16,
            "{:?} was answered by {last}",
            String::from_utf8_lossy(shown)
        );
    }
    // A client that sends nothing, and one that hangs up at once.
    let _silent = UnixStream::connect(&socket).unwrap();
    drop(UnixStream::connect(&socket).unwrap());
    assert_continues(&run);
    let outcome = workplace.run(&["ctl", &run.name(), "pause"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    stop(&workplace, &run);
}

#[test]
fn clients_that_leave_make_room_for_others() {
    let workplace = Workplace::new();
    let (_running, run) = headless(&workplace);
    let name = run.name();
    assert_eq!(workplace.run(&["ctl", &name, "pause"]).code, Some(0));
    // More clients than are allowed at a time. A paused run sends nothing, so that a client that
    // has left is not detected by a failed write.
    for _ in 0..40 {
        let mut stream = UnixStream::connect(run.path().join("control.sock")).unwrap();
        stream.write_all(b"{\"laperm\":1,\"role\":\"test\"}\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
    }
    eventually("there is room", || {
        (workplace.run(&["ctl", &name, "step"]).code == Some(0)).then_some(())
    });
    stop(&workplace, &run);
}

#[test]
fn a_client_that_does_not_read_is_dropped_and_slows_nobody() {
    let workplace = Workplace::new();
    // A small network has many events a second.
    let options = ["--set", "network.name=\"f1\"", "--set", "train.batch=4"];
    let (_running, run) = headless_with(&workplace, &options);
    let mut stream = UnixStream::connect(run.path().join("control.sock")).unwrap();
    stream.write_all(b"{\"laperm\":1,\"role\":\"stuck\"}\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"welcome\""), "{line}");
    // More lines than fit in the queue and in the buffers of the socket.
    let lines = || fs::read(run.events()).unwrap().iter().filter(|&&byte| byte == b'\n').count();
    let many = lines() + 30_000;
    eventually("the run continues for long", || {
        sleep(Duration::from_millis(200));
        (lines() > many).then_some(())
    });
    reader.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    let kept = rest.split(|&byte| byte == b'\n').count();
    assert!(kept < 30_000, "{kept} lines were kept for it");
    stop(&workplace, &run);
}

#[test]
fn a_long_path_has_a_socket_too() {
    let workplace = Workplace::new();
    workplace.write("long.toml", SMALL);
    let runs = format!("{}/{}", "deep".repeat(20), "folder".repeat(20));
    let _running = workplace.start(&[&LONG[..], &["--headless", "--runs", &runs]].concat());
    let folder = workplace.path().join(&runs);
    let run = eventually("the run can be attached to", || {
        let run = laperm::run::list_runs(&folder).into_iter().next()?;
        run.path().join("control.sock").exists().then_some(run)
    });
    let outcome = workplace.run(&["ctl", run.path().to_str().unwrap(), "stop"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(reason(&events(&run)), Reason::Stopped);
}

#[test]
fn a_signal_to_the_host_stops_and_saves_and_a_hang_up_does_not() {
    let workplace = Workplace::new();
    let (running, run) = headless(&workplace);
    running.signal(Signal::HUP);
    assert_continues(&run);
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code, Some(0));
    let events = events(&run);
    assert_eq!(reason(&events), Reason::Stopped);
    let paused = |kind: &EventKind| matches!(kind, EventKind::Phase { phase: Phase::Paused });
    assert!(!events.iter().any(|event| paused(&event.kind)));
}
