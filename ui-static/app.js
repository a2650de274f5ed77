document.getElementById("app").textContent = "weft";
