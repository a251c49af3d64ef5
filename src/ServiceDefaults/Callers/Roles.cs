namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>The roles of callers, in an organization or on the platform. What they may call is in <see cref="Access"/>.</summary>
public static class Roles
{
    public const string Member = "member";

    public const string Administrator = "administrator";

    /// <summary>Reads the audit log.</summary>
    public const string Auditor = "auditor";

    /// <summary>The operator of the platform; a role in no organization.</summary>
    public const string Operator = "operator";

    /// <summary>Another service of the platform.</summary>
    public const string Service = "service";

    /// <summary>The role of one service, beside that of all.</summary>
    public static string OfService(string service) => $"{Service}:{service}";

    /// <summary>The roles that a subject can have in an organization.</summary>
    public static IReadOnlyList<string> OfOrganization { get; } = [Member, Administrator, Auditor];
}
