//! The first commit of an installation: what exists before anybody has done anything.

use std::sync::Arc;

use crate::context_fields::ContextField;
use crate::draft::{Draft, NewEvent};
use crate::environments::Environment;
use crate::error::Error;
use crate::permissions::{DEFAULT_PROJECT, role_ids};
use crate::projects::{CreateProject, create};
use crate::tags::{CreateTagType, SIMPLE, create_type};
use crate::users::{self, NewUser, RoleRef, User};

/// Makes the default project, two environments, the built-in context fields, a type of tags and the first administrator,
/// who is answered.
pub fn first_start(draft: &mut Draft, admin_username: &str, admin_password_hash: String) -> Result<Arc<User>, Error> {
    for (sort_order, name) in [(2, "development"), (3, "production")] {
        let environment = Environment {
            name: name.to_owned(),
            kind: name.to_owned(),
            sort_order,
            enabled: true,
            protected: false,
            required_approvals: None,
        };
        draft.record(NewEvent::new("environment-created").environment(name).data(&environment));
        draft.put(environment);
    }
    let fields = [
        ("environment", "The environment that the application runs in", false),
        ("userId", "The user", false),
        ("appName", "The application's name", false),
        ("currentTime", "The time of the evaluation", false),
        ("sessionId", "The session", true),
    ];
    for (sort_order, (name, description, stickiness)) in (0..).zip(fields) {
        let field = ContextField {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            stickiness,
            sort_order,
            legal_values: Vec::new(),
            project: None,
            created_at: draft.now(),
        };
        draft.record(NewEvent::new("context-field-created").data(&field));
        draft.put(field);
    }
    create_type(
        draft,
        CreateTagType {
            name: SIMPLE.to_owned(),
            description: Some("A plain word".to_owned()),
            icon: Some("#".to_owned()),
            color: Some("#FFFFFF".to_owned()),
        },
    )?;
    create(
        draft,
        CreateProject {
            id: Some(DEFAULT_PROJECT.to_owned()),
            name: "Default".to_owned(),
            description: Some("Default project".to_owned()),
            mode: None,
            default_stickiness: None,
            environments: None,
        },
    )?;
    users::create(
        draft,
        NewUser {
            username: Some(admin_username.to_owned()),
            email: None,
            name: None,
            root_role: RoleRef::Id(role_ids::ADMIN),
            password_hash: Some(admin_password_hash),
        },
    )
}
