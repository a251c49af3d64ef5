namespace EnvPlatform.Policy.Decisions;

/// <summary>
/// Whether a condition holds, in the order of Kleene's three-valued logic: "and" is the least, "or" the greatest, and what is not known
/// stays so when it is inverted.
/// </summary>
internal enum Answer
{
    No, Unknown, Yes,
}

internal static class Answers
{
    public static Answer Of(bool? value) => value switch { true => Answer.Yes, false => Answer.No, null => Answer.Unknown };

    public static Answer Not(this Answer answer) => Answer.Yes - (int)answer;
}
