using EnvPlatform.Identity.OAuth;

using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.Features;

namespace EnvPlatform.Identity.Pages;

internal static class PageEndpoints
{
    public static void AddPages(this IHostApplicationBuilder builder)
    {
        builder.Services.AddRazorComponents();
        builder.Services.AddAntiforgery(options =>
        {
            options.Cookie = new FormCookie();
            options.FormFieldName = "form_token";
            options.HeaderName = null;
        });
        builder.Services.AddSingleton<IAntiforgeryAdditionalDataProvider, SessionInForm>();
        builder.Services.Configure<FormOptions>(options => options.ValueLengthLimit = 16_384);
    }

    public static void MapPages(this IEndpointRouteBuilder app)
    {
        app.MapStylesheet();
        var pages = app.MapPageGroup();
        pages.MapSignInPage();
        pages.MapSignOutPage();
        pages.MapConfirmPage();
        pages.MapPasswordPage();
        pages.MapInvitationPages();
        pages.MapAccountPage();
        pages.MapAuthorizePage();
        pages.MapDevicePage();
    }
}
