mod support;
use support::pty::Pty;
use support::*;
#[test]
fn look() {
    let place = Workplace::new();
    let mut pty = Pty::start(&place, &[], (100, 30));
    println!("{}", pty.wait_for("launch or open").to_string());
}
#[test]
fn look2() {
    let place = Workplace::new();
    let mut pty = Pty::start(&place, &[], (100, 30));
    println!("{}", pty.wait_for("experiments"));
    pty.keys("\r");
    println!("{}", pty.wait_for("SoWP"));
    std::thread::sleep(std::time::Duration::from_secs(3));
    println!("{}", pty.text());
    pty.keys("?");
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{}", pty.text());
    pty.keys("\x1b");
    std::thread::sleep(std::time::Duration::from_millis(300));
    pty.keys(":");
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{}", pty.text());
    pty.keys("\x1b");
    std::thread::sleep(std::time::Duration::from_millis(300));
    pty.keys("K100\r");
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{}", pty.text());
    pty.keys("P50\r");
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{}", pty.text());
    pty.keys(" ");
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{}", pty.text());
    pty.keys("q");
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{}", pty.text());
    pty.keys("s");
    println!("{}", pty.wait_for_end());
    println!("{}", pty.text());
    pty.assert_restored();
}
