//! Directory settings that are tried: two at a time, and what they came to for some minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use zeroize::Zeroizing;

use super::{Administration, refused};
use crate::accounts::{Actor, Deed};
use crate::clock::{Clock, Tick};
use crate::config::Source;
use crate::entropy;
use crate::identity::workbench::{self, Detail, Person, Sample, State, Step, Trial, Typed};
use crate::operations::{
    DirectorySettings, Failure, Reply, Secret, TrialAnswer, TrialCertificate, TrialDetail,
    TrialFinding, TrialRequest, TrialSample, TrialServer, TrialSettings, TrialStep, TrialView,
};

/// Trials at a time.
const AT_ONCE: usize = 2;
/// Trials whose outcome is kept.
const KEPT: usize = 16;
/// How long.
const KEEP: Duration = Duration::from_secs(600);

/// Trials that go on, and those that have ended a short while ago.
pub(super) struct Trials {
    places: Arc<Semaphore>,
    all: Mutex<HashMap<String, Ongoing>>,
}

struct Ongoing {
    whose: String,
    began: Tick,
    view: watch::Receiver<TrialView>,
}

impl Default for Trials {
    fn default() -> Trials {
        Trials { places: Arc::new(Semaphore::new(AT_ONCE)), all: Mutex::default() }
    }
}

impl Trials {
    /// Begins one; its steps are told as they end.
    fn begin(&self, whose: &str, trial: Trial, clock: &Clock) -> Result<TrialView, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| {
            Failure::refused("other directory settings are being tried; try again in a moment")
        })?;
        let name = entropy::token(16);
        let first = TrialView { trial: name.clone(), running: true, servers: Vec::new() };
        let (told, view) = watch::channel(first.clone());
        let now = clock.now();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, one| one.view.borrow().running || now.since(one.began) < KEEP);
        if all.len() >= KEPT {
            let ended = all.iter().filter(|(_, one)| !one.view.borrow().running);
            let oldest = ended.min_by_key(|(_, one)| one.began).map(|(name, _)| name.clone());
            oldest.and_then(|name| all.remove(&name));
        }
        all.insert(name, Ongoing { whose: whose.to_owned(), began: now, view });
        drop(all);
        let (told, clock) = (Ending(told), clock.clone());
        tokio::spawn(async move {
            let tell = |step: &Step| told.0.send_modify(|view| add(view, step));
            workbench::run(&trial, &clock, &tell).await;
            drop((told, place));
        });
        Ok(first)
    }

    /// How one goes, once there is more of it than was seen.
    async fn wait(&self, whose: &str, trial: &str, seen: u32) -> Result<TrialView, Failure> {
        let view = {
            let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            let one = all.get(trial).filter(|one| one.whose == whose);
            one.map(|one| one.view.clone())
        };
        let gone = || Failure::not_found("there is no such trial; begin another one");
        let mut view = view.ok_or_else(gone)?;
        let news = view.wait_for(|view| !view.running || view.ended() > seen).await;
        let news = news.map_err(|_| gone())?;
        Ok(news.clone())
    }
}

/// However a trial ends, whoever waits for it is told.
struct Ending(watch::Sender<TrialView>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.send_modify(|view| view.running = false);
    }
}

fn add(view: &mut TrialView, step: &Step) {
    let place = view.servers.iter().position(|server| server.url == step.url);
    let place = place.unwrap_or_else(|| {
        view.servers.push(TrialServer { url: step.url.clone(), steps: Vec::new() });
        view.servers.len() - 1
    });
    if let Some(server) = view.servers.get_mut(place) {
        server.steps.push(step_view(step));
    }
}

impl Administration {
    pub(super) async fn trial(
        &self,
        actor: &Actor,
        request: TrialRequest,
    ) -> Result<Reply, Failure> {
        match request {
            TrialRequest::Settings => {
                let loaded = self.site.loaded();
                let mut ldap = loaded.config.identity.ldap.clone();
                let is_sealed = ldap.bind_password.take().is_some();
                Ok(Reply::DirectorySettings(Box::new(DirectorySettings {
                    in_use: loaded.config.identity.source == Source::Ldap,
                    password_is_kept: is_sealed || !ldap.bind_password_file.as_os_str().is_empty(),
                    ldap,
                    domain: self.site.config.domain.clone(),
                })))
            }
            TrialRequest::Begin(settings) => {
                let subject = settings.ldap.urls.join(" ");
                let detail = settings.person.as_ref().map(|user| format!("signs in {user}"));
                let detail = detail.unwrap_or_default();
                let deed = Deed { action: "directory.try", subject: &subject, detail: &detail };
                self.site.accounts.note(actor, deed).await.map_err(refused)?;
                let trial = self.unsaved(*settings);
                let view = self.trials.begin(&actor.name, trial, &self.site.clock)?;
                Ok(Reply::Trial(Box::new(view)))
            }
            TrialRequest::Wait { trial, seen } => {
                let view = self.trials.wait(&actor.name, &trial, seen).await?;
                Ok(Reply::Trial(Box::new(view)))
            }
        }
    }

    fn unsaved(&self, settings: TrialSettings) -> Trial {
        let loaded = self.site.loaded();
        let (config, domain) = (&loaded.config, &self.site.config.domain);
        let wiped = |secret: Secret| Zeroizing::new(secret.expose().to_owned());
        // An authority is among the settings.
        let typed = Typed { password: settings.password.map(wiped), authority: None };
        let mut trial = Trial::unsaved(&config.identity, domain, settings.ldap, typed);
        let password = settings.person_password.map(wiped);
        trial.person = settings.person.map(|user| Person { user, password });
        trial
    }
}

fn step_view(step: &Step) -> TrialStep {
    TrialStep {
        step: step.step.as_str().to_owned(),
        state: match step.state {
            State::NotRun => "not_run",
            State::Ok => "ok",
            State::Warning => "warning",
            State::Failed => "failed",
        }
        .to_owned(),
        milliseconds: workbench::in_milliseconds(step.took),
        findings: step.findings.iter().map(finding_view).collect(),
        answer: step.answer.as_ref().map(|answer| TrialAnswer {
            code: answer.code,
            name: answer.name.to_owned(),
            diagnostic: answer.diagnostic.clone(),
        }),
        detail: step.detail.as_ref().map(detail_view).unwrap_or_default(),
    }
}

fn finding_view(finding: &workbench::Finding) -> TrialFinding {
    let arguments = finding.arguments.iter();
    TrialFinding {
        code: finding.code.key().to_owned(),
        arguments: arguments.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        says: finding.says(),
        fix: finding.fix(),
    }
}

fn detail_view(detail: &Detail) -> TrialDetail {
    match detail {
        // What there is to say of these stands in the sentences.
        Detail::Addresses(_) | Detail::Count(_) | Detail::SignIn(_) => TrialDetail::Nothing,
        Detail::Attempts(attempts) => TrialDetail::Attempts(
            attempts.iter().map(|one| (one.address.to_string(), one.problem.clone())).collect(),
        ),
        Detail::Chain(chain) => TrialDetail::Chain {
            certificates: chain
                .certificates
                .iter()
                .map(|certificate| TrialCertificate {
                    subject: certificate.subject.clone(),
                    issuer: certificate.issuer.clone(),
                    not_after: certificate.not_after.clone(),
                    fingerprint: certificate.fingerprint.clone(),
                    pem: certificate.pem.clone(),
                })
                .collect(),
            trustable: chain.trustable,
        },
        Detail::Server(server) => TrialDetail::Server {
            vendor: server.vendor.clone(),
            preset: server
                .preset
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        },
        Detail::Samples(samples) => TrialDetail::Samples(samples.iter().map(sample_view).collect()),
        Detail::Groups(list) => TrialDetail::Groups(
            list.groups
                .iter()
                .map(|group| (group.name.clone(), group.listed as u64, group.people as u64))
                .collect(),
        ),
    }
}

fn sample_view(sample: &Sample) -> TrialSample {
    TrialSample {
        dn: sample.dn.clone(),
        user: sample.user.clone(),
        address: sample.address.clone(),
        name: sample.name.clone(),
        mail: sample.mail.clone(),
        number: sample.number.clone(),
        conflicts: sample.conflicts.iter().map(|code| (*code).to_owned()).collect(),
    }
}
