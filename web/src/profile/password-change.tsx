import { useForm } from 'react-hook-form';
import { answered, api } from '../api/client';
import { ApiError } from '../api/errors';
import { FormDialog } from '../kit/form/FormDialog';
import { needed, TextInput } from '../kit/form/inputs';
import { passwordRule } from '../kit/people';
import { toast } from '../kit/toast/toasts';

export function ChangePassword({ onClose }: { onClose: () => void }) {
  const form = useForm({ defaultValues: { oldPassword: '', password: '', confirmPassword: '' } });
  return (
    <FormDialog
      title="Change password"
      verb="Change password"
      form={form}
      onClose={onClose}
      act={async (body) => {
        try {
          await answered(api.POST('/api/admin/user/change-password', { body }));
        } catch (error) {
          if (error instanceof ApiError && error.name === 'PasswordMismatch')
            throw new ApiError(400, {
              message: error.message,
              details: [{ path: '/body/oldPassword', message: 'This is not your password.' }],
            });
          throw error;
        }
        toast('Your password is changed.');
      }}
    >
      <TextInput
        control={form.control}
        name="oldPassword"
        label="Password until now"
        type="password"
        autoComplete="current-password"
        autoFocus
        rules={needed('Your password')}
      />
      <TextInput
        control={form.control}
        name="password"
        label="New password"
        type="password"
        autoComplete="new-password"
        description={passwordRule}
        rules={needed('A password')}
      />
      <TextInput
        control={form.control}
        name="confirmPassword"
        label="New password again"
        type="password"
        autoComplete="new-password"
        rules={{ validate: (again) => again === form.getValues('password') || 'The two passwords differ.' }}
      />
    </FormDialog>
  );
}
