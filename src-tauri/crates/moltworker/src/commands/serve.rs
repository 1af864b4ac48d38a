//! `serve` and `web`: the same backend as in the window, reached with a browser.

use std::path::Path;

use molt_notify::Notifications;
use molt_os::{DataDir, is_display_available};
use serde_json::json;

use crate::{
    args::{Serve, Web},
    connect::{Client, Connection, Own, OwnError, find},
    failure::Failure,
    print::Printer,
};

pub async fn serve(printer: &Printer, data: &DataDir, args: Serve, file: Option<&Path>) -> Result<(), Failure> {
    let words = printer.words;
    let stop = StopSignals::listen()?;
    let own = match Own::start(data, Some(args.port)).await {
        Ok(own) => own,
        Err(OwnError::Taken(message)) => {
            return Err(match find(data, words).await {
                Some(client) => Failure::hinted(words.already_running(client.base()), words.already_running_hint()),
                None => Failure::plain(message),
            });
        }
        Err(error) => return Err(error.into()),
    };
    own.unlock(file, printer).await;
    let address = own.gateway().map(|(gateway, _)| format!("http://{}", gateway.local_addr())).unwrap_or_default();
    let token_file = data.owner_file();
    let said = if printer.json {
        printer.value(&json!({ "address": address, "pid": std::process::id(), "token_file": token_file }))
    } else {
        let lines = [words.serving(&address), words.serving_token(token_file.display()), words.stop_with()];
        printer.line(lines.join("\n"))
    };
    let notifying = tokio::spawn(notify(&own, address));
    let served = run_until_stopped(printer, own, stop, said).await;
    notifying.abort();
    served
}

/// Reminders come to the desktop, if there is one, without a page being open. What is shown opens the page.
fn notify(own: &Own, address: String) -> impl Future<Output = ()> + Send + 'static {
    let notifications = Notifications::new(own.door(), move || {
        if let Err(error) = open::that_detached(&address) {
            tracing::warn!(%error, "the page could not be opened");
        }
    });
    async move { notifications.follow().await }
}

pub async fn web(printer: &Printer, data: &DataDir, args: Web, file: Option<&Path>) -> Result<(), Failure> {
    let may_open = !args.no_open && is_display_available();
    let stop = StopSignals::listen()?;
    let own = match Connection::open(data, Some(args.port), printer.words).await? {
        Connection::Own(own) => own,
        Connection::Client(client) => return web_of_owner(printer, &client, args.port, may_open).await,
    };
    own.unlock(file, printer).await;
    let mut said = Ok(());
    if let Some((gateway, token)) = own.gateway() {
        let base = format!("http://{}", gateway.local_addr());
        said = print_address(printer, &base, token);
        if said.is_ok() && !printer.json {
            said = printer.line(printer.words.stop_with());
        }
        if may_open {
            open_browser(printer, &base, &gateway.sign_in_code());
        }
    }
    run_until_stopped(printer, *own, stop, said).await
}

/// Another process serves the page already.
async fn web_of_owner(printer: &Printer, client: &Client, port: u16, may_open: bool) -> Result<(), Failure> {
    let running = client.base().rsplit(':').next().unwrap_or_default();
    if port != 0 && running != port.to_string() {
        printer.note(printer.words.other_port(running));
    }
    print_address(printer, client.base(), client.token())?;
    if may_open {
        open_browser(printer, client.base(), &client.sign_in_code().await?);
    }
    Ok(())
}

fn print_address(printer: &Printer, base: &str, token: &str) -> std::io::Result<()> {
    let url = signed_in(base, token);
    if printer.json {
        return printer.value(&json!({ "address": base, "url": url }));
    }
    printer.line(printer.words.web_address(url))?;
    printer.line(printer.words.keep_address())
}

/// The part after `#` never leaves the browser; the page exchanges it for a cookie.
fn signed_in(base: &str, secret: &str) -> String {
    format!("{base}/#token={secret}")
}

/// With a code instead of the token: other users of this computer can read the arguments of a browser.
fn open_browser(printer: &Printer, base: &str, code: &str) {
    if let Err(error) = open::that_detached(signed_in(base, code)) {
        printer.note(printer.words.no_browser(error));
    }
}

/// Serves until the user or the system says stop; a second signal does not wait.
async fn run_until_stopped(
    printer: &Printer,
    own: Own,
    mut stop: StopSignals,
    said: std::io::Result<()>,
) -> Result<(), Failure> {
    // Nobody to tell the address to is no reason not to serve.
    if let Err(error) = said {
        tracing::warn!(%error, "the address could not be printed");
    }
    stop.next().await;
    if !printer.json {
        printer.note(printer.words.stopping());
    }
    tokio::select! {
        () = own.stop() => Ok(()),
        () = stop.next() => Err(Failure::Said),
    }
}

/// Ctrl+C, or the system's request to end. Listened for before anyone is told the address: who reads it may stop the
/// program at once.
struct StopSignals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl StopSignals {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(windows)]
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(windows)]
        self.interrupt.recv().await;
    }
}
