import type { LinkProps } from '@tanstack/react-router';
import {
  Activity,
  AppWindow,
  ArrowLeftRight,
  Boxes,
  CircleHelp,
  Flag,
  FlaskConical,
  FolderKanban,
  House,
  KeyRound,
  Layers,
  type LucideIcon,
  MailPlus,
  Plug,
  Server,
  Settings2,
  Shapes,
  ShieldCheck,
  SlidersHorizontal,
  Tags,
  Users,
} from 'lucide-react';
import { paths } from '../../paths';

export type Destination = {
  name: string;
  link: LinkProps;
  icon: LucideIcon /** Other words people look for. */;
  words?: string;
};
export type Section = { name?: string; destinations: Destination[] };

/** Everything that can be gone to without naming a thing. A later noun adds its line here. */
export const sections: Section[] = [
  {
    destinations: [
      { name: 'Home', link: paths.home(), icon: House },
      { name: 'Features', link: paths.features(), icon: Flag, words: 'flags toggles search archive' },
      { name: 'Projects', link: paths.projects(), icon: FolderKanban },
      { name: 'Playground', link: paths.playground(), icon: FlaskConical, words: 'evaluate context test' },
      { name: 'Events', link: paths.events(), icon: Activity, words: 'audit log history' },
      { name: 'Applications', link: paths.applications(), icon: AppWindow, words: 'sdk instances connections' },
      { name: 'Unknown flags', link: paths.unknownFlags(), icon: CircleHelp },
    ],
  },
  {
    name: 'Configure',
    destinations: [
      { name: 'Segments', link: paths.segments(), icon: Boxes },
      { name: 'Context fields', link: paths.contextFields(), icon: SlidersHorizontal },
      { name: 'Environments', link: paths.environments(), icon: Layers },
      { name: 'Strategies', link: paths.strategies(), icon: Shapes, words: 'custom activation' },
      { name: 'Tag types', link: paths.tagTypes(), icon: Tags },
      { name: 'Feature types', link: paths.featureTypes(), icon: Settings2, words: 'lifetime' },
      { name: 'Integrations', link: paths.integrations(), icon: Plug, words: 'webhook slack teams datadog addons' },
      { name: 'Import and export', link: paths.transfer(), icon: ArrowLeftRight },
    ],
  },
  {
    name: 'Access',
    destinations: [
      { name: 'Users', link: paths.users(), icon: Users, words: 'people members' },
      { name: 'Roles', link: paths.roles(), icon: ShieldCheck, words: 'permissions' },
      { name: 'Invitations', link: paths.invitations(), icon: MailPlus, words: 'sign-up links' },
      { name: 'API tokens', link: paths.apiTokens(), icon: KeyRound, words: 'secret key client frontend backend' },
    ],
  },
  {
    name: 'Instance',
    destinations: [
      {
        name: 'Instance',
        link: paths.instance(),
        icon: Server,
        words: 'maintenance cors limits statistics license version',
      },
    ],
  },
];
