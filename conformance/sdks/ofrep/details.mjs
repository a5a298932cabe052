//! What the clients of OpenFeature say of a flag, as the other SDKs say it.
//! `ask` is a client whose methods take a flag and a default: getBooleanDetails, getStringDetails, …

/** A flag with variants has a value of its payload's type, and is no boolean while it is on. */
export async function answer(ask, flag) {
    const asBoolean = await ask.getBooleanDetails(flag, false);
    if (asBoolean.errorCode !== 'TYPE_MISMATCH') {
        return { enabled: asBoolean.value, variant: { name: 'disabled' } };
    }
    const asText = await ask.getStringDetails(flag, '');
    const details = asText.errorCode === 'TYPE_MISMATCH' ? await ask.getObjectDetails(flag, {}) : asText;
    if (details.errorCode) throw new Error(`${flag}: ${details.errorCode} ${details.errorMessage}`);
    const text = typeof details.value === 'string' ? details.value : JSON.stringify(details.value);
    // Without a payload, the value is the variant's name.
    return { enabled: true, variant: { name: details.variant, payload: text === details.variant ? undefined : { value: text } } };
}

/** The context of a question, as OpenFeature has it: the user's id is what is targeted, and properties stand beside it. */
export const contextOf = ({ userId, properties, ...fields }) => ({ ...fields, ...properties, ...(userId === undefined ? {} : { targetingKey: userId }) });
