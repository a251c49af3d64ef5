using EnvPlatform.Identity.SignIn;

using Microsoft.AspNetCore.Antiforgery;

namespace EnvPlatform.Identity.Pages;

/// <summary>Ties the hidden field of a form to the session: a form from before a sign-in or a sign-out is good no more.</summary>
internal sealed class SessionInForm : IAntiforgeryAdditionalDataProvider
{
    public string GetAdditionalData(HttpContext context) => BrowserSession.Of(context)?.Id.ToString() ?? "nobody";

    public bool ValidateAdditionalData(HttpContext context, string additionalData) => additionalData == GetAdditionalData(context);
}
