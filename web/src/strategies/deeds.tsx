import { useQueryClient } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../api/client';
import { refresh } from '../api/live';
import { confirm } from '../kit/confirm/confirm';
import { strategyLabel } from '../kit/strategy/strategy';
import { toast, toastError } from '../kit/toast/toasts';
import { Uses } from './Uses';

type Strategy = Schemas['StrategyDefinition'];

/** What people call it, here as on the pages of features. */
export function titleOf({ title, displayName, name }: Strategy): string {
  const label = strategyLabel({ name, title });
  return label === name ? displayName || name : label;
}

/** What can be done to types of strategies without a form. */
export function useStrategyDeeds() {
  const queries = useQueryClient();
  const changed = (name: string) => refresh(queries, [{ kind: 'strategy', id: name }]);

  function askToDeprecate(strategy: Strategy) {
    const { name: strategyName } = strategy;
    confirm({
      title: `Deprecate ${titleOf(strategy)}`,
      body: (
        <>
          <p>
            It is not offered for new strategies any more. Features that use it go on as they are. It can be
            reactivated.
          </p>
          <Uses name={strategyName} />
        </>
      ),
      verb: 'Deprecate',
      act: async () => {
        await answered(
          api.POST('/api/admin/strategies/{strategyName}/deprecate', { params: { path: { strategyName } } }),
        );
        await changed(strategyName);
        toast(`${titleOf(strategy)} is deprecated.`);
      },
    });
  }

  async function reactivate(strategy: Strategy) {
    const { name: strategyName } = strategy;
    try {
      await answered(
        api.POST('/api/admin/strategies/{strategyName}/reactivate', { params: { path: { strategyName } } }),
      );
      await changed(strategyName);
      toast(`${titleOf(strategy)} is offered for new strategies again.`);
    } catch (error) {
      toastError(error);
    }
  }

  function askToDelete(strategy: Strategy) {
    const { name } = strategy;
    confirm({
      title: `Delete custom strategy ${titleOf(strategy)}`,
      body: (
        <>
          <p>
            Features that use it keep it, and SDKs that know it go on deciding by it. But such a strategy cannot be
            changed any more, only taken out, until a custom strategy of this name is there again.
          </p>
          <Uses name={name} />
        </>
      ),
      verb: 'Delete custom strategy',
      danger: true,
      act: async () => {
        await answered(api.DELETE('/api/admin/strategies/{name}', { params: { path: { name } } }));
        await changed(name);
        toast(`Custom strategy ${titleOf(strategy)} is deleted.`);
      },
    });
  }

  return { askToDeprecate, reactivate, askToDelete };
}
