namespace EnvPlatform.Scanner.Curations;

/// <summary>An organization's status of a finding. All but <see cref="Reported"/> are verdicts of a person.</summary>
public enum CurationStatus
{
    /// <summary>From the feed; nobody has reviewed it.</summary>
    Reported,

    /// <summary>Reviewed, and it does concern the organization.</summary>
    Active,

    /// <summary>Present, but something else keeps it from being exploited.</summary>
    Mitigated,

    /// <summary>Reviewed, and not affected: a wrong match, a build with the fix, code that is not there.</summary>
    Cleared,

    /// <summary>Whether it is a vulnerability at all is contested.</summary>
    Disputed,
}

internal static class CurationStatuses
{
    public const string Reported = "reported";

    /// <summary>The platform's verdict, where no organization gave one: the flaw is in a library of the wheel that is not here.</summary>
    public const string NotAffected = "not_affected";

    public static string Text(this CurationStatus status) => status switch
    {
        CurationStatus.Reported => Reported,
        CurationStatus.Active => "active",
        CurationStatus.Mitigated => "mitigated",
        CurationStatus.Cleared => "cleared",
        CurationStatus.Disputed => "disputed",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };

    /// <summary>Whether a finding of this status counts and alerts.</summary>
    public static bool IsOpen(string status) => status is "active" or Reported;
}
