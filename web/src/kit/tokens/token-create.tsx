import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { answered, api, type Schemas } from '../../api/client';
import { refresh } from '../../api/live';
import { paths } from '../../paths';
import { Note } from '../../ui/Bits';
import { ExpiryInput } from '../form/ExpiryInput';
import { FormDialog } from '../form/FormDialog';
import { needed, RadioInput, SelectInput, TextInput } from '../form/inputs';
import { ProjectsInput } from '../form/ProjectsInput';
import { linkClass } from '../layout/Page';
import { ShownOnce } from '../ShownOnce';
import { useSession } from '../session';
import { useTokenRefusals } from './can';

type Form = {
  tokenName: string;
  type: 'backend' | 'frontend';
  environment: string;
  projects: string[] | null;
  expiresAt: string;
};

/** Creates an API token, of one project or of those that are chosen, and shows its secret. */
export function CreateToken({ projectId, onClose }: { projectId?: string; onClose: () => void }) {
  const queries = useQueryClient();
  const { environments } = useSession();
  const refusals = useTokenRefusals(projectId);
  const [made, setMade] = useState<Schemas['ApiToken']>();
  const form = useForm<Form>({
    defaultValues: {
      tokenName: '',
      type: refusals.create('backend') && !refusals.create('frontend') ? 'frontend' : 'backend',
      environment: environments.find(({ enabled }) => enabled)?.name ?? '',
      projects: null,
      expiresAt: '',
    },
  });
  const [type, chosen] = form.watch(['type', 'environment']);
  const isProduction = environments.find(({ name }) => name === chosen)?.type === 'production';

  if (made) return <NewSecret token={made} onClose={onClose} />;

  async function create({ projects, expiresAt, ...rest }: Form) {
    const body = { ...rest, ...(expiresAt === '' ? {} : { expiresAt }) };
    const token = await answered(
      projectId === undefined
        ? api.POST('/api/admin/api-tokens', { body: projects === null ? body : { ...body, projects } })
        : api.POST('/api/admin/projects/{projectId}/api-tokens', { params: { path: { projectId } }, body }),
    );
    await refresh(queries, [{ kind: 'api-token', id: '' }]);
    setMade(token);
  }

  return (
    <FormDialog
      title="Create API token"
      verb="Create API token"
      form={form}
      disabledReason={refusals.create(type)}
      onClose={onClose}
      onSent={() => {}}
      act={create}
    >
      <TextInput
        control={form.control}
        name="tokenName"
        label="Name"
        autoFocus
        required
        rules={needed('A name')}
        description="The application that will use it: then everybody knows what stops when it is deleted."
      />
      <RadioInput
        control={form.control}
        name="type"
        label="For"
        options={[
          {
            value: 'backend',
            label: 'Backend',
            description: 'SDKs on servers. They fetch all features with their strategies, so keep it secret.',
          },
          {
            value: 'frontend',
            label: 'Frontend',
            description: 'Browsers and apps. They only get what is on for their user; it may be seen by anybody.',
          },
        ]}
      />
      <SelectInput
        control={form.control}
        name="environment"
        label="Environment"
        options={environments.map(({ name, type, enabled }) => ({
          value: name,
          label: name,
          disabled: !enabled,
          description: enabled ? type : 'closed to new tokens',
        }))}
      />
      {isProduction && <Note tone="warn">This token opens a production environment.</Note>}
      {projectId === undefined && (
        <ProjectsInput
          control={form.control}
          name="projects"
          label="Projects"
          all="All projects, also those that come later"
        />
      )}
      <ExpiryInput
        control={form.control}
        name="expiresAt"
        label="Expires"
        days={[7, 30, 90, 365]}
        never
        first="never"
      />
    </FormDialog>
  );
}

function NewSecret({ token, onClose }: { token: Schemas['ApiToken']; onClose: () => void }) {
  const { projects } = useSession();
  const known = token.projects.find((id) => id !== '*') ?? projects[0]?.id;
  return (
    <ShownOnce title={`API token ${token.tokenName}`} text={token.secret} what="API token" onClose={onClose}>
      {known && (
        <p>
          How an application uses it stands, for each SDK, on{' '}
          <Link {...paths.connect(known)} className={linkClass}>
            Connect an SDK
          </Link>
          .
        </p>
      )}
    </ShownOnce>
  );
}
