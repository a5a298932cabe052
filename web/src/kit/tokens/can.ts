import type { Schemas } from '../../api/client';
import { may, type Refusal, useRefusal, useSession } from '../session';

type Token = Schemas['ApiToken'];
export type TokenKind = 'backend' | 'frontend' | 'admin';

/** `client` is the old name of `backend`. */
export function kindOf(type: string): TokenKind {
  return type === 'frontend' || type === 'admin' ? type : 'backend';
}

/** As in `crates/flagstone-model/src/commands/api_tokens.rs`. */
export function useTokenRefusals(projectId?: string) {
  const refusal = useRefusal();
  const session = useSession();

  function ofKind(deed: 'CREATE' | 'READ' | 'UPDATE' | 'DELETE', kind: TokenKind): Refusal {
    if (kind === 'admin') return refusal('ADMIN');
    return refusal(kind === 'frontend' ? `${deed}_FRONTEND_API_TOKEN` : `${deed}_CLIENT_API_TOKEN`);
  }

  const isOwn = (token: Token) =>
    projectId !== undefined && token.projects.length === 1 && token.projects[0] === projectId;

  return {
    isOwn,
    create: (kind: TokenKind) =>
      projectId === undefined ? ofKind('CREATE', kind) : refusal('CREATE_PROJECT_API_TOKEN', projectId),
    update: (token: Token) => ofKind('UPDATE', kindOf(token.type)),
    delete: (token: Token) =>
      projectId !== undefined && isOwn(token)
        ? refusal('DELETE_PROJECT_API_TOKEN', projectId)
        : ofKind('DELETE', kindOf(token.type)),
    maySee:
      projectId === undefined
        ? may(session, 'READ_CLIENT_API_TOKEN') || may(session, 'READ_FRONTEND_API_TOKEN')
        : may(session, 'READ_PROJECT_API_TOKEN', projectId),
  };
}
