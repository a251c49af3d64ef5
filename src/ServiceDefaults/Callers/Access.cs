namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// Who may call an endpoint: the authorization policies, each named after the minimum that it requires of the caller in the organization of
/// the request. Every endpoint names one; an endpoint without a policy is closed to everyone.
/// </summary>
public static class Access
{
    /// <summary>Whoever the gateway forwards, without a token too: sign-in.</summary>
    public const string Forwarded = "forwarded";

    /// <summary>Anyone with a good token.</summary>
    public const string Anyone = "anyone";

    /// <summary>A member or administrator of the organization.</summary>
    public const string Member = "member";

    /// <summary>An administrator of the organization.</summary>
    public const string Administrator = "administrator";

    /// <summary>An auditor or administrator of the organization: who may read the audit log.</summary>
    public const string Auditor = "auditor";

    /// <summary>Anyone in the organization: a member, an auditor or an administrator.</summary>
    public const string Reader = "reader";

    /// <summary>The operator of the platform.</summary>
    public const string Operator = "operator";

    /// <summary>Another service of the platform that has a key for calls to this one (gRPC).</summary>
    public const string Service = "service";

    /// <summary>The gateway for itself (gRPC).</summary>
    public const string GatewayOnly = "gateway";
}
