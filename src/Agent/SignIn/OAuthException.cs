namespace EnvPlatform.Agent.SignIn;

/// <summary>The platform refused a step of the sign-in.</summary>
/// <param name="code">The error code of the standard, such as <c>invalid_grant</c>.</param>
internal sealed class OAuthException(string code, string? description)
    : AgentException($"The platform refused the sign-in: {(string.IsNullOrWhiteSpace(description) ? code : description.TrimEnd('.'))}.")
{
    public string Code { get; } = code;
}

/// <summary>The sign-in is no longer valid and cannot be renewed: it was ended, revoked or not used for too long.</summary>
internal sealed class SignInEndedException(string url) : AgentException(
    $"Your sign-in to {url} has ended (it was revoked, or not used for too long): sign in again with 'envplatform login'.");
