//! Saving what was tried: settings that do not work are saved only by who says so.

use axum::http::StatusCode;
use axum::response::Response;

use super::draft::Draft;
use super::{Sent, busy, show, try_all, unanswered};
use crate::operations::{
    Exit, Failure, Reply, Request, Secret, SettingChange, SettingProblem, SettingRequest,
};
use crate::web::{Faults, Form, Texts, Visit};

/// The key of the service account's password.
const PASSWORD: &str = "identity.ldap.bind_password";

/// `POST /admin/directory/save`.
pub(super) async fn save(visit: Visit) -> Response {
    let t = visit.texts();
    let mut attempt = None;
    if !visit.form.is_set("anyway") {
        let (tried, view) = match try_all(&visit).await {
            Ok(Ok(came)) => came,
            Ok(Err(_)) => return again(&visit, busy(t), None).await,
            Err(response) => return response,
        };
        let steps = view.servers.iter().flat_map(|server| &server.steps);
        let failed = steps.filter(|step| step.state == "failed").count() > 0;
        attempt = Some((tried, view));
        if failed {
            let mut faults = Faults::default();
            faults.add("try", t.get("save-fails"));
            return again(&visit, faults, attempt).await;
        }
    }
    let changes = changes(&Draft::of_form(&visit.form), &visit.form);
    let request = SettingRequest::Preview { changes: changes.clone() };
    match visit.desk().perform(&visit.actor(), Request::Setting(request)).await {
        Ok(Reply::SettingDifference(difference)) if difference.problems.is_empty() => {}
        Ok(Reply::SettingDifference(difference)) => {
            return again(&visit, faults_of(t, &difference.problems), attempt).await;
        }
        Ok(_) => return unanswered(&Failure::failed("another reply")),
        Err(failure) => return unanswered(&failure),
    }
    let request = Request::Setting(SettingRequest::Apply { changes });
    match visit.desk().perform(&visit.actor(), request).await {
        Ok(_) => visit.go("/admin/directory?done=saved"),
        // Somebody changed them meanwhile, or nothing can be written.
        Err(failure) if failure.exit == Exit::Usage => {
            let problem = SettingProblem { key: String::new(), message: failure.message };
            again(&visit, faults_of(t, &[problem]), attempt).await
        }
        Err(failure) => unanswered(&failure),
    }
}

async fn again(
    visit: &Visit,
    faults: Faults,
    attempt: Option<(crate::operations::TrialSettings, crate::operations::TrialView)>,
) -> Response {
    let draft = Some(Draft::of_form(&visit.form));
    let may_save_anyway = faults.of("try").is_some();
    let sent = Sent { draft, attempt, faults, may_save_anyway, ..Sent::default() };
    show(visit, StatusCode::UNPROCESSABLE_ENTITY, sent).await
}

/// What is stored. Keys that say what they said before are no change.
fn changes(draft: &Draft, form: &Form) -> Vec<SettingChange> {
    let mut changes = vec![SettingChange::to("identity.source", "ldap")];
    changes.extend(draft.settings().map(|(key, value)| SettingChange::to(&key, &value)));
    let typed = form.get("password");
    if draft.value("bind_dn").is_empty() {
        changes.push(SettingChange { key: PASSWORD.to_owned(), value: None });
    } else if !typed.is_empty() {
        let value = Some(Secret::new(typed.to_owned()));
        changes.push(SettingChange { key: PASSWORD.to_owned(), value });
    }
    changes
}

fn faults_of(t: Texts, problems: &[SettingProblem]) -> Faults {
    let mut faults = Faults::default();
    for problem in problems {
        let field = problem.key.strip_prefix("identity.ldap.").and_then(Draft::field);
        if problem.key == PASSWORD {
            faults.add("password", t.get("save-password"));
        } else if let Some(field) = field {
            faults.add(field, t.of("save-wrong", "why", problem.message.as_str()));
        } else {
            let text = format!("{} {}", problem.key, problem.message);
            faults.add("", t.of("save-wrong", "why", text.trim()));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(form: &str) -> Vec<(String, Option<String>)> {
        let form = Form::parse(form.as_bytes()).unwrap();
        let changes = changes(&Draft::of_form(&form), &form).into_iter();
        changes
            .map(|change| (change.key, change.value.map(|value| value.expose().to_owned())))
            .collect()
    }

    #[test]
    fn what_is_typed_is_stored_by_the_names_of_the_configuration() {
        let form = "urls=ldaps://a%0D%0Aldaps://b&start_tls=&bind_dn=cn%3Dx&password=y&person=ana";
        let changes = changed(form);
        let value = |key: &str| {
            let found = changes.iter().find(|(known, _)| known == key);
            found.unwrap_or_else(|| panic!("no {key}")).1.as_deref()
        };
        assert_eq!(value("identity.source"), Some("ldap"));
        assert_eq!(value("identity.ldap.urls"), Some("ldaps://a,ldaps://b"));
        assert_eq!(value("identity.ldap.start_tls"), Some("false"));
        assert_eq!(value(PASSWORD), Some("y"));
        assert!(!changes.iter().any(|(key, _)| key.contains("person")), "it is no setting");
    }

    #[test]
    fn a_password_goes_with_its_account_and_stays_if_none_is_typed() {
        assert!(!changed("bind_dn=cn%3Dx&password=").iter().any(|(key, _)| key == PASSWORD));
        assert!(changed("bind_dn=&password=y").contains(&(PASSWORD.to_owned(), None)));
    }

    #[test]
    fn what_is_wrong_stands_at_its_field() {
        let problem = |key: &str| SettingProblem { key: key.to_owned(), message: "no".to_owned() };
        let faults = faults_of(
            Texts::default(),
            &[problem("identity.ldap.base_dn"), problem(PASSWORD), problem("identity.source")],
        );
        let fields: Vec<&str> = faults.all().iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["base_dn", "password", ""]);
    }
}
