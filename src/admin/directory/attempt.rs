//! What trying settings came to, as it is shown: for each server eight steps, and what to do.

use super::fixes::{self, Fix};
use super::portuguese;
use crate::identity::workbench::{Code, StepName, fill};
use crate::operations::{
    TrialAnswer, TrialCertificate, TrialDetail, TrialFinding, TrialSample, TrialSettings,
    TrialStep, TrialView,
};
use crate::web::{Language, Shell, Texts};

/// Samples that are shown.
const SAMPLES: usize = 20;
/// Groups that are shown.
const GROUPS: usize = 12;

/// What all servers came to so far.
pub(super) struct Attempt {
    /// In one line.
    pub(super) summary: String,
    /// `ok`, `warn`, `error`, or nothing while it goes on.
    pub(super) level: &'static str,
    pub(super) servers: Vec<ServerPart>,
}

/// What one server came to.
pub(super) struct ServerPart {
    pub(super) url: String,
    pub(super) steps: Vec<StepPart>,
    pub(super) samples: Vec<SampleRow>,
    pub(super) groups: Vec<(String, u64, u64)>,
}

/// One step.
pub(super) struct StepPart {
    pub(super) title: String,
    pub(super) word: String,
    pub(super) level: &'static str,
    pub(super) icon: &'static str,
    pub(super) time: Option<String>,
    pub(super) findings: Vec<FindingPart>,
    pub(super) answer: Option<String>,
    pub(super) attempts: Vec<(String, String)>,
    pub(super) certificates: Vec<TrialCertificate>,
}

/// One thing that was found.
pub(super) struct FindingPart {
    pub(super) code: String,
    pub(super) says: String,
    pub(super) to_do: Option<String>,
    pub(super) fix: Option<Fix>,
}

/// A person as he will be.
pub(super) struct SampleRow {
    pub(super) sample: TrialSample,
    pub(super) conflicts: Vec<String>,
}

impl Attempt {
    pub(super) fn new(shell: &Shell, tried: &TrialSettings, view: &TrialView) -> Attempt {
        let mut servers: Vec<ServerPart> = view
            .servers
            .iter()
            .map(|server| server_part(shell, tried, server, view.running))
            .collect();
        if servers.is_empty() && view.running {
            let url = tried.ldap.urls.first().cloned().unwrap_or_default();
            let nothing = crate::operations::TrialServer { url, steps: Vec::new() };
            servers.push(server_part(shell, tried, &nothing, true));
        }
        let states = || view.servers.iter().flat_map(|server| &server.steps);
        let any = |state: &str| states().any(|step| step.state == state);
        let t = shell.t;
        let (summary, level) = if view.running {
            (progress(t, view), "")
        } else if any("failed") {
            (t.get("trial-failed"), "error")
        } else if any("warning") {
            (t.get("trial-odd"), "warn")
        } else {
            (t.get("trial-good"), "ok")
        };
        Attempt { summary, level, servers }
    }
}

/// What is being tried now.
fn progress(t: Texts, view: &TrialView) -> String {
    let last = view.servers.iter().max_by_key(|server| server.steps.len() % StepName::ALL.len());
    let done = last.map_or(0, |server| server.steps.len());
    let next = StepName::ALL.get(done).copied().unwrap_or(StepName::SignIn);
    t.with(
        "trial-progress",
        [
            ("number", (done + 1).min(StepName::ALL.len()).into()),
            ("step", title(t, next.as_str()).into()),
        ],
    )
}

fn server_part(
    shell: &Shell,
    tried: &TrialSettings,
    server: &crate::operations::TrialServer,
    running: bool,
) -> ServerPart {
    let t = shell.t;
    let mut steps: Vec<StepPart> =
        server.steps.iter().map(|step| step_part(shell, tried, &server.url, step)).collect();
    if running {
        for name in StepName::ALL.iter().skip(steps.len()) {
            let is_next = steps.len() == server.steps.len();
            let word = if is_next { t.get("step-running") } else { t.get("step-waiting") };
            steps.push(StepPart {
                title: title(t, name.as_str()),
                word,
                level: "",
                icon: "circle",
                time: None,
                findings: Vec::new(),
                answer: None,
                attempts: Vec::new(),
                certificates: Vec::new(),
            });
        }
    }
    let mut part =
        ServerPart { url: server.url.clone(), steps, samples: Vec::new(), groups: Vec::new() };
    for step in &server.steps {
        match &step.detail {
            TrialDetail::Samples(samples) => {
                let samples = samples.iter().take(SAMPLES).cloned();
                part.samples.extend(samples.map(|sample| sample_row(t, sample)));
            }
            TrialDetail::Groups(groups) => part.groups.extend(groups.iter().take(GROUPS).cloned()),
            _ => {}
        }
    }
    part
}

fn step_part(shell: &Shell, tried: &TrialSettings, url: &str, step: &TrialStep) -> StepPart {
    let t = shell.t;
    let (word, level, icon) = match step.state.as_str() {
        "ok" => (t.get("step-ok"), "ok", "check"),
        "warning" => (t.get("step-warning"), "warn", "alert"),
        "failed" => (t.get("step-failed"), "error", "alert"),
        _ => (t.get("step-not-run"), "", "circle"),
    };
    // That it was not tried stands there already.
    let told = step.findings.iter().filter(|finding| finding.code != Code::NotRun.key());
    let findings = told.map(|finding| {
        let (says, to_do) = sentences(shell, finding);
        let mut fix = fixes::of(t, tried, url, step, finding);
        // Where people were found is the better place to look than where the path ends.
        let has = |code: Code| step.findings.iter().any(|other| other.code == code.key());
        if finding.code == Code::NoBaseNear.key() && has(Code::Elsewhere) {
            fix = None;
        }
        FindingPart { code: finding.code.clone(), says, to_do, fix }
    });
    let mut part = StepPart {
        title: title(t, &step.step),
        word,
        level,
        icon,
        time: (step.state != "not_run")
            .then(|| t.of("step-time", "time", time(t, step.milliseconds))),
        findings: findings.collect(),
        answer: step.answer.as_ref().filter(|answer| answer.code != 0).map(said),
        attempts: Vec::new(),
        certificates: Vec::new(),
    };
    match &step.detail {
        TrialDetail::Attempts(attempts) if attempts.len() > 1 => {
            let row = |(address, problem): &(String, Option<String>)| {
                let problem = problem.clone().unwrap_or_else(|| t.get("attempt-connected"));
                (address.clone(), problem)
            };
            part.attempts = attempts.iter().map(row).collect();
        }
        TrialDetail::Chain { certificates, .. } => part.certificates.clone_from(certificates),
        _ => {}
    }
    part
}

/// A time with one place, as the language writes it.
fn time(t: Texts, milliseconds: f64) -> String {
    let text = format!("{milliseconds:.1}");
    if t.language() == Language::Portuguese { text.replace('.', ",") } else { text }
}

fn said(answer: &TrialAnswer) -> String {
    let TrialAnswer { code, name, diagnostic } = answer;
    let more = if diagnostic.is_empty() { String::new() } else { format!(": {diagnostic}") };
    format!("{name} ({code}){more}")
}

fn title(t: Texts, step: &str) -> String {
    match step {
        "resolve" => t.get("step-resolve"),
        "connect" => t.get("step-connect"),
        "tls" => t.get("step-tls"),
        "bind" => t.get("step-bind"),
        "search" => t.get("step-search"),
        "map" => t.get("step-map"),
        "groups" => t.get("step-groups"),
        _ => t.get("step-sign-in"),
    }
}

/// A sentence in the language of the visitor, and what to do, if anything.
fn sentences(shell: &Shell, finding: &TrialFinding) -> (String, Option<String>) {
    let Some(code) = Code::parse(&finding.code) else {
        return (finding.says.clone(), finding.fix.clone());
    };
    let (says, fix) = match shell.t.language() {
        Language::English => (code.says(), code.fix()),
        Language::Portuguese => portuguese::of(code),
    };
    let to_do = (!fix.is_empty()).then(|| filled(shell, fix, finding));
    (filled(shell, says, finding), to_do)
}

fn filled(shell: &Shell, text: &str, finding: &TrialFinding) -> String {
    let mut arguments = finding.arguments.clone();
    for name in ["until", "from"] {
        if let Some(moment) = arguments.get_mut(name) {
            *moment = shell.when(moment);
        }
    }
    let words = arguments.get_mut("looks").filter(|_| shell.t.language() == Language::Portuguese);
    if let Some(looks) = words {
        *looks = portuguese::looks(looks).to_owned();
    }
    fill(text, |name| arguments.get(name).map(String::as_str))
}

fn sample_row(t: Texts, sample: TrialSample) -> SampleRow {
    let conflicts = sample.conflicts.iter().filter_map(|key| {
        Some(match Code::parse(key)? {
            Code::BadName => t.get("conflict-name"),
            Code::DuplicateUser => t.get("conflict-user-twice"),
            Code::DuplicateMail => t.get("conflict-mail-twice"),
            _ => t.get("conflict-lacks"),
        })
    });
    SampleRow { conflicts: conflicts.collect(), sample }
}
