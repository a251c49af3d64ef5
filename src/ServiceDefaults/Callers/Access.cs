namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// Who may call an endpoint that is about no organization: the authorization policies beside those of <see cref="Permission"/>. Every
/// endpoint names one; an endpoint without a policy is closed to everyone.
/// </summary>
public static class Access
{
    /// <summary>Whoever the gateway forwards, without a token too: sign-in.</summary>
    public const string Forwarded = "forwarded";

    /// <summary>Anyone with a good token.</summary>
    public const string Anyone = "anyone";

    /// <summary>
    /// Anyone with a good token that is not limited to other scopes than this: whoever changes its own account (joins and leaves
    /// organizations, ends sessions).
    /// </summary>
    public const string Account = "account";

    /// <summary>
    /// A person, beside a permission: what no service account may do whatever its role. It makes no credentials and invites nobody.
    /// </summary>
    public const string Person = "person";

    /// <summary>The operator of the platform.</summary>
    public const string Operator = "operator";

    /// <summary>Another service of the platform that has a key for calls to this one (gRPC).</summary>
    public const string Service = "service";

    /// <summary>The gateway for itself (gRPC).</summary>
    public const string GatewayOnly = "gateway";
}
